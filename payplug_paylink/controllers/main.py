"""The public routes: Payplug's notification, the payer's return, the pay page.

A signature that is not ours is answered after one query. Nothing that a visitor sends
is believed: Payplug is asked.
"""

import logging

from werkzeug.exceptions import NotFound, ServiceUnavailable

from odoo import fields, http
from odoo.exceptions import ConcurrencyError
from odoo.http import content_disposition, request
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..models.account_move import PDF
from ..models.payplug_payment_link import InvoiceBusy
from ..models.payplug_process_mixin import CONFLICTS, SENTENCES, ProcessFailed, isolated
from ..models.res_company import with_deadline
from ..payplug_remote import PayplugError, PayplugRejected

_logger = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
# A page that shows money is not kept, not found, and does not tell its address.
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Frame-Options": "SAMEORIGIN",
}
KNOWN = (PayplugError, *SENTENCES)  # of what may keep a payment from being followed
# How often a person's request begins again where somebody else holds the lock. Odoo
# would do so five times and pause longer each time, up to 40 seconds together, and then
# show its bare error page; three times are 5 to 12 seconds.
TRIES = 3
PAGE = "/payplug/pay/<string:move_id>/<string:signature>"
ROUTE = {"type": "http", "auth": "public", "save_session": False}
PAGE_ROUTE = {**ROUTE, "website": True, "multilang": False, "sitemap": False}


class PayplugPaylink(http.Controller):
    @http.route(
        "/payplug/notify/<string:link_id>/<string:signature>",
        methods=["POST"],
        csrf=False,
        max_content_length=MAX_BODY,
        **ROUTE,
    )
    def notify(self, link_id, signature, **_body):
        """Payplug's notification. The body is not trusted; the payment is fetched.

        :return: 200 when the payment was fetched and stored, 503 when it could not be:
            Payplug notifies again; 404 for an address that is not ours, or whose link
            is gone
        """
        link_sudo = self._find_link("notify", link_id, signature)
        if not link_sudo:
            raise NotFound()
        try:
            is_synced = self._sync(with_deadline(link_sudo))
        except CONFLICTS as error:
            is_retried = isinstance(error, PG_CONCURRENCY_EXCEPTIONS_TO_RETRY)
            if is_retried and not self._is_last_try():
                raise
            raise ServiceUnavailable() from error
        # Not raised: what was stored of it (the key is missing) stays.
        status = 200 if is_synced and link_sudo.problem != "no_key" else 503
        headers = [("Content-Type", "text/plain")]
        return request.make_response("", headers, status=status)

    @http.route(
        "/payplug/return/<string:link_id>/<string:signature>",
        methods=["GET"],
        **PAGE_ROUTE,
    )
    def payment_return(self, link_id, signature, **_query):
        """The payer comes back from Payplug: fetch the payment once, show the pay page.

        :return: 303 to the pay page; the page itself, with 503, if Payplug is silent:
            the notification or the cron follows
        """
        link_sudo = self._find_link("return", link_id, signature)
        if not link_sudo._is_of_payer(link_sudo.move_id):
            return self._show_unknown()  # nobody is led to another customer's page
        move_sudo = self._for_customer(link_sudo.move_id)
        is_head = request.httprequest.method == "HEAD"
        is_asked = not is_head and not link_sudo._is_fresh("answered_at")
        # The notification may be under way in this very moment.
        try:
            link_sudo = with_deadline(link_sudo, wait_for_lock=True)
            is_synced = not is_asked or self._sync(link_sudo)
            if is_asked and is_synced:
                link_sudo.answered_at = fields.Datetime.now()
        except ConcurrencyError as error:
            self._may_give_up(error)
            is_synced = False
        if not is_synced:
            return self._show_page(move_sudo, "later")
        return request.redirect(move_sudo._payplug_page_path(), code=303)

    @http.route(PAGE, methods=["GET"], **PAGE_ROUTE)
    def pay_page(self, move_id, signature, **_query):
        """Show the pay page: what the invoice asks today. Changes nothing.

        :return: 200; 404 for an address that is not ours, or whose invoice is gone
        """
        return self._show_page(self._find_move(move_id, signature))

    @http.route(
        PAGE,
        methods=["POST"],
        csrf=False,  # the signed address is the right; mail apps lose cookies
        max_content_length=MAX_BODY,
        **PAGE_ROUTE,
    )
    def start_payment(self, move_id, signature, **_body):
        """Begin to pay what the invoice asks today, on Payplug's page.

        :return: 303 to Payplug's page, or to the pay page, which tells why not; the pay
            page itself, with 503, if Payplug is silent or refuses
        """
        move_sudo = self._find_move(move_id, signature)
        if not move_sudo:
            return self._show_unknown()
        try:
            with isolated():
                url = move_sudo._payplug_start_payment()
        except ConcurrencyError as error:
            self._may_give_up(error)
            _logger.info("Invoice %s is busy: its customer tries later", move_sudo.id)
            return self._show_page(move_sudo, "later")
        except ProcessFailed as failure:
            return self._show_failure(move_sudo, failure.cause)
        if not url:
            return request.redirect(move_sudo._payplug_page_path(), code=303)
        return request.redirect(url, code=303, local=False)

    @http.route(f"{PAGE}/{PDF}", methods=["GET"], **PAGE_ROUTE)
    def invoice_pdf(self, move_id, signature, **_query):
        """Show the invoice itself to whoever may pay it. Changes nothing.

        :return: the PDF that the portal gives; 404 for an address that is not ours, or
            whose invoice is not confirmed; the pay page, with 503, if it cannot be
            printed, or is being printed for somebody else
        """
        move_sudo = self._find_move(move_id, signature)
        if not (move_sudo and move_sudo._payplug_shows_pdf()):
            return self._show_unknown()
        if request.httprequest.method == "HEAD":  # scanners print nothing
            return self._show_pdf("", PDF)
        try:
            with isolated():
                document = move_sudo._payplug_pdf()
        except ProcessFailed as failure:
            self._log_failure(f"Invoice {move_sudo.id} is not shown", failure.cause)
            document = None
        if not document:
            return self._show_page(move_sudo, "no_pdf")
        return self._show_pdf(document["content"], document["filename"])

    # === SHARED BY THE ROUTES === #

    def _find_link(self, route, link_id, signature):
        """Return the link of a signed address; empty if it is gone or not ours."""
        # The signature is the right to have the link followed.
        links_sudo = request.env["payplug.payment.link"].sudo()
        return links_sudo._find_signed(route, links_sudo, link_id, signature)

    def _sync(self, link_sudo):
        """Fetch a link's payment; return whether the answer is stored now."""
        try:
            with isolated(), request.env.cr.savepoint():
                link_sudo._sync()
        except ProcessFailed as failure:
            self._log_failure(f"Link {link_sudo.id} was not synced", failure.cause)
            return False
        return True

    def _log_failure(self, what, error):
        """Log a failure by its name, and with its trace if it is of no known kind."""
        is_known = isinstance(error, KNOWN)
        level = logging.INFO if is_known else logging.ERROR
        trace = None if is_known else error
        _logger.log(level, "%s: %s", what, type(error).__name__, exc_info=trace)

    def _show_failure(self, move_sudo, error):
        """Show the pay page after something kept the payment from beginning."""
        if not isinstance(error, PayplugRejected):
            self._log_failure(f"Invoice {move_sudo.id} cannot be paid now", error)
            if not isinstance(error, KNOWN):
                request.env.cr.rollback()  # whatever was half done
            return self._show_page(move_sudo, "later")
        _logger.warning("Invoice %s cannot be paid: %s", move_sudo.id, error)
        move_sudo._payplug_log_refusal(error)
        return self._show_page(move_sudo, "ask")  # trying again will not help

    def _may_give_up(self, conflict):
        """Let Odoo run the request again, unless its visitor has waited long enough.

        Nor where another request waits for the same invoice: workers are for others.
        """
        if not (self._is_last_try() or isinstance(conflict, InvoiceBusy)):
            raise conflict

    def _is_last_try(self):
        environ = request.httprequest.environ  # stays when Odoo runs a request again
        tries = environ.get("payplug_paylink.tries", 0) + 1
        environ["payplug_paylink.tries"] = tries
        return tries >= TRIES

    def _find_move(self, move_id, signature):
        """Return the invoice of a signed address; empty if it is gone or not ours."""
        # The signature is the right to see what is due, and to pay it.
        moves_sudo = request.env["account.move"].sudo()
        links = request.env["payplug.payment.link"]
        move_sudo = links._find_signed("pay", moves_sudo, move_id, signature)
        return move_sudo and self._for_customer(move_sudo)

    def _for_customer(self, move_sudo):
        """Return the invoice in the language of the customer, which is the page's."""
        found = request.env["res.lang"]._get_data(code=move_sudo.partner_id.lang)
        if found:
            request.lang = found
            request.update_context(lang=found.code)
        lang = request.env.lang
        return move_sudo.with_context(lang=lang).with_company(move_sudo.company_id)

    def _show_page(self, move_sudo, notice=""):
        """Show the pay page, and a notice if there is something to pay.

        :param str notice: ``later`` after Payplug was silent, ``ask`` after it refused;
            ``no_pdf``, whatever there is to pay
        """
        if not move_sudo:
            return self._show_unknown()
        values = move_sudo._payplug_page_values()
        if notice != "no_pdf" and values["state"] not in ("payable", "refused"):
            notice = ""
        page = {**values, "notice": notice}
        return self._show(page, 503 if notice else 200, move_sudo.company_id)

    def _show_pdf(self, content, name):
        """Return a PDF that the browser shows, and keeps under this name."""
        headers = {
            **HEADERS,
            "Content-Type": "application/pdf",
            "Content-Disposition": content_disposition(name, disposition_type="inline"),
            "X-Content-Type-Options": "nosniff",
        }
        return request.make_response(content, list(headers.items()))

    def _show_unknown(self):
        return self._show({"state": "unknown"}, 404, request.env.company)

    def _show(self, page, status, company):
        """Return the page, in the portal's layout and the visitor's language."""
        values = {
            "page": page,
            "res_company": company.sudo(),  # for the logo and the name in the layout
            "html_data": {"lang": request.env.lang.replace("_", "-")},
            "no_breadcrumbs": True,
            "no_footer": True,
        }
        response = request.render("payplug_paylink.payment_page", values)
        response.status_code = status
        response.headers.update(HEADERS)
        return response
