"""The public routes: Payplug's notification, the payer's return, the pay page.

A signature that is not ours is answered before any query of ours. Nothing that a
visitor sends is believed: Payplug is asked.
"""

import logging
import time

from werkzeug.exceptions import NotFound, ServiceUnavailable

from odoo import http
from odoo.exceptions import ConcurrencyError, UserError
from odoo.http import request

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
# What the page says after Payplug was silent, and after it refused, which trying again
# will not help. With the moment, so that it is not said for ever: see `_is_just_now`.
LATER, ASK = "later", "ask"
NOTICE_SECONDS = 60
# How often a person's request begins again where somebody else holds the lock. Odoo
# would do so five times and pause longer each time, up to 40 seconds together, and then
# show its bare error page; three times are 5 to 12 seconds.
TRIES = 3
PAGE = "/payplug/pay/<string:move_id>/<string:signature>"


def _is_just_now(moment):
    """Tell whether something was told a moment ago, so that it may still be believed.

    Not signed: who writes another moment into a given address reads an apology, for a
    minute.

    :param str moment: what an address says, in seconds since 1970
    """
    is_number = isinstance(moment, str) and moment.isascii() and moment.isdigit()
    if not is_number:
        return False
    # Several hosts may answer, whose clocks differ a little. Cut: digits cost nothing.
    return abs(int(moment[:20]) - time.time()) < NOTICE_SECONDS


class PayplugPaylink(http.Controller):
    @http.route(
        "/payplug/notify/<string:link_id>/<string:signature>",
        type="http",
        auth="public",
        methods=["POST"],
        csrf=False,
        save_session=False,
        max_content_length=MAX_BODY,
    )
    def notify(self, link_id, signature, **_body):
        """Payplug's notification. The body is not trusted; the payment is fetched.

        :return: 200 when the payment was fetched and stored (or the link is gone), 503
            when it could not be: Payplug notifies again; 404 for an unknown address
        """
        link_sudo = self._find_link("notify", link_id, signature)
        if not link_sudo:
            raise NotFound()
        try:
            is_synced = not link_sudo.exists() or self._sync(with_deadline(link_sudo))
        except ConcurrencyError as error:
            raise ServiceUnavailable() from error
        # Not raised: what was stored of it (the key is missing) stays.
        status = 200 if is_synced and link_sudo.exists().problem != "no_key" else 503
        headers = [("Content-Type", "text/plain")]
        return request.make_response("", headers, status=status)

    @http.route(
        "/payplug/return/<string:link_id>/<string:signature>",
        type="http",
        auth="public",
        methods=["GET"],
        website=True,
        multilang=False,
        sitemap=False,
        save_session=False,
    )
    def payment_return(self, link_id, signature, **_query):
        """The payer comes back from Payplug: fetch the payment once, show the pay page.

        If Payplug is silent the payer is told so; the notification or the cron follows.
        """
        link_sudo = self._find_link("return", link_id, signature)
        move_sudo = link_sudo and link_sudo.exists().move_id
        if not move_sudo:
            return self._show_unknown()
        # The notification may be under way in this very moment.
        try:
            is_synced = self._sync(with_deadline(link_sudo, wait_for_lock=True))
        except ConcurrencyError:
            if not self._is_last_try():
                raise
            is_synced = False
        return self._redirect_to_page(move_sudo, "" if is_synced else LATER)

    @http.route(
        PAGE,
        type="http",
        auth="public",
        methods=["GET"],
        website=True,
        multilang=False,
        sitemap=False,
        save_session=False,
    )
    def pay_page(self, move_id, signature, later=None, ask=None, **_query):
        """Show the pay page: what the invoice asks today. Changes nothing.

        :return: 200; 503 right after Payplug was silent; 404 for an address that is
            not ours, or whose invoice is gone
        """
        move_sudo = self._find_move(move_id, signature)
        if not move_sudo:
            return self._show_unknown()
        values = move_sudo._payplug_page_values()
        notice = ""
        if values["state"] in ("payable", "refused"):
            told = {ASK: ask, LATER: later}
            notice = next(filter(lambda word: _is_just_now(told[word]), told), "")
        return self._show(
            {**values, "notice": notice},
            503 if notice else 200,
            company=move_sudo.company_id,
        )

    @http.route(
        PAGE,
        type="http",
        auth="public",
        methods=["POST"],
        website=True,
        multilang=False,
        sitemap=False,
        csrf=False,  # the signed address is the right; mail apps lose cookies
        save_session=False,
        max_content_length=MAX_BODY,
    )
    def start_payment(self, move_id, signature, **_body):
        """Begin to pay what the invoice asks today, on Payplug's page.

        :return: 303 to Payplug's page, or back to the pay page, which tells why not
        """
        move_sudo = self._find_move(move_id, signature)
        if not move_sudo:
            return self._show_unknown()
        try:
            url = move_sudo._payplug_start_payment()
        except ConcurrencyError:
            if not self._is_last_try():
                raise
            _logger.info("Invoice %s is busy: its customer tries later", move_sudo.id)
            return self._redirect_to_page(move_sudo, LATER)
        except PayplugRejected as error:
            _logger.warning("Invoice %s cannot be paid: %s", move_sudo.id, error)
            move_sudo._payplug_log_refusal(error)
            return self._redirect_to_page(move_sudo, ASK)
        except (PayplugError, UserError) as error:
            reason = type(error).__name__
            _logger.info("Invoice %s cannot be paid now: %s", move_sudo.id, reason)
            return self._redirect_to_page(move_sudo, LATER)
        if not url:
            return self._redirect_to_page(move_sudo)
        return request.redirect(url, code=303, local=False)

    # === SHARED BY THE ROUTES === #

    def _find_link(self, route, link_id, signature):
        """Return the link of a signed address, which may be gone; None if not ours."""
        links = request.env["payplug.payment.link"]
        if not links._is_signature(route, link_id, signature):
            return None
        # The signature is the right to have the link followed.
        return links.sudo().browse(int(link_id))

    def _sync(self, link_sudo):
        """Fetch a link's payment; return whether the answer is stored now."""
        try:
            with request.env.cr.savepoint():
                link_sudo._sync()
        except (PayplugError, UserError) as error:
            reason = type(error).__name__
            _logger.info("Link %s was not synced: %s", link_sudo.id, reason)
            return False
        return True

    def _is_last_try(self):
        """Tell whether a person whose invoice is busy has waited long enough."""
        environ = request.httprequest.environ  # stays when Odoo runs a request again
        tries = environ.get("payplug_paylink.tries", 0) + 1
        environ["payplug_paylink.tries"] = tries
        return tries >= TRIES

    def _find_move(self, move_id, signature):
        """Return the invoice of a signed address, in its customer's language.

        None if the address is not ours or the invoice is gone.
        """
        links = request.env["payplug.payment.link"]
        if not links._is_signature("pay", move_id, signature):
            return None
        # The signature is the right to see what is due, and to pay it.
        move_sudo = request.env["account.move"].sudo().browse(int(move_id)).exists()
        if not move_sudo:
            return None
        lang = self._set_language(move_sudo.partner_id.lang)
        return move_sudo.with_context(lang=lang).with_company(move_sudo.company_id)

    def _set_language(self, lang):
        """Let the page be in the customer's language, if Odoo has it; return it."""
        found = request.env["res.lang"]._get_data(code=lang)
        if found:
            request.lang = found
            request.update_context(lang=found.code)
        return request.env.lang

    def _redirect_to_page(self, move_sudo, notice=""):
        """Go to the pay page, which shows a notice for a moment only."""
        query = f"?{notice}={int(time.time())}" if notice else ""
        return request.redirect(move_sudo._payplug_page_path() + query, code=303)

    def _show_unknown(self):
        return self._show({"state": "unknown"}, 404, company=request.env.company)

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
