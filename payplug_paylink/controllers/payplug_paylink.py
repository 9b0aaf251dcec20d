"""The doors to the Internet: Payplug's notification, the payer's page and return.

A signature that is not ours is answered before any query of ours. Nothing that a
visitor sends is believed: Payplug is asked.
"""

import logging
import time

from werkzeug.exceptions import NotFound, ServiceUnavailable

from odoo import http
from odoo.exceptions import ConcurrencyError, UserError
from odoo.http import request

from ..models.res_company_client import in_a_hurry
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
TROUBLE_SECONDS = 60
# How often a person's request begins again where somebody else holds the lock. Odoo
# would do so five times and pause longer each time, up to 40 seconds together, and then
# show its bare error page; three times are 5 to 12 seconds.
TRIES = 3
PAGE = "/payplug/pay/<string:move_id>/<string:signature>"


def _is_just_now(moment):
    """Tell whether something was told a moment ago, so that it may still be believed.

    Not signed: whoever writes a moment of his own into an address that he was given
    reads an apology, for a minute.

    :param str moment: what an address says, in seconds since 1970
    """
    if not moment or not (moment.isascii() and moment.isdigit()):
        return False
    # Several hosts may answer, whose clocks differ a little. Cut: digits cost nothing.
    return abs(int(moment[:20]) - time.time()) < TROUBLE_SECONDS


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
        """Payplug rings. The body is not evidence: go and look.

        :return: 200 when the truth is stored (or the link is gone), 503 when it could
            not be had: Payplug will ring again; 404 for an address that is not ours
        """
        link_sudo = self._find_link("notify", link_id, signature)
        if not link_sudo:
            raise NotFound()
        try:
            seen = not link_sudo.exists() or self._refresh(in_a_hurry(link_sudo))
        except ConcurrencyError as error:
            raise ServiceUnavailable() from error
        # Not raised: what was stored of it (the key is missing) stays.
        status = 200 if seen and link_sudo.exists().problem != "no_key" else 503
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
    def come_back(self, link_id, signature, **_query):
        """The payer comes back from Payplug: look once, then show the stable page.

        If Payplug is silent the payer is told so; the notification and the cron will
        make up for it.
        """
        link_sudo = self._find_link("return", link_id, signature)
        move_sudo = link_sudo and link_sudo.exists().move_id
        if not move_sudo:
            return self._show_unknown()
        # The notification may be at it in this very moment: what it finds is the truth.
        try:
            seen = self._refresh(in_a_hurry(link_sudo, payplug_waits=True))
        except ConcurrencyError:
            if not self._is_last_try():
                raise
            seen = False
        return self._to_page(move_sudo, "" if seen else LATER)

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
        """Show the stable page: what the invoice asks today. Changes nothing.

        :return: 200; 503 right after Payplug was silent; 404 for an address that is
            not ours, or whose invoice is gone
        """
        move_sudo = self._find_move(move_id, signature)
        if not move_sudo:
            return self._show_unknown()
        values = move_sudo._payplug_page_values()
        trouble = ""
        if values["state"] in ("payable", "refused"):
            told = {ASK: ask, LATER: later}
            trouble = next(filter(lambda word: _is_just_now(told[word]), told), "")
        return self._show(
            {**values, "trouble": trouble},
            503 if trouble else 200,
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

        :return: 303 to Payplug's page, or back to the stable page, which tells why not
        """
        move_sudo = self._find_move(move_id, signature)
        if not move_sudo:
            return self._show_unknown()
        try:
            url = move_sudo._payplug_start_payment()
        except ConcurrencyError:
            if not self._is_last_try():
                raise
            _logger.info("Invoice %s is busy: its customer shall wait", move_sudo.id)
            return self._to_page(move_sudo, LATER)
        except PayplugRejected as error:
            _logger.warning("Invoice %s cannot be paid: %s", move_sudo.id, error)
            move_sudo._payplug_tell_refusal(error)
            return self._to_page(move_sudo, ASK)
        except (PayplugError, UserError) as error:
            reason = type(error).__name__
            _logger.info("Invoice %s cannot be paid now: %s", move_sudo.id, reason)
            return self._to_page(move_sudo, LATER)
        if not url:
            return self._to_page(move_sudo)
        return request.redirect(url, code=303, local=False)

    # What the doors share

    def _find_link(self, door, link_id, signature):
        """Return the link of a signed address, which may be gone; None if not ours."""
        links = request.env["payplug.payment.link"]
        if not links._is_signature(door, link_id, signature):
            return None
        # The signature is the right to have the link followed.
        return links.sudo().browse(int(link_id))

    def _refresh(self, link_sudo):
        """Follow a link; return whether its truth is stored now."""
        try:
            with request.env.cr.savepoint():
                link_sudo._refresh()
        except (PayplugError, UserError) as error:
            reason = type(error).__name__
            _logger.info("Link %s was not refreshed: %s", link_sudo.id, reason)
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
        lang = self._speak(move_sudo.partner_id.lang)
        return move_sudo.with_context(lang=lang).with_company(move_sudo.company_id)

    def _speak(self, lang):
        """Let the page be in the customer's language, if Odoo has it; return it."""
        found = request.env["res.lang"]._get_data(code=lang)
        if found:
            request.lang = found
            request.update_context(lang=found.code)
        return request.env.lang

    def _to_page(self, move_sudo, trouble=""):
        """Go to the stable page, which tells of a trouble for a moment only."""
        query = f"?{trouble}={int(time.time())}" if trouble else ""
        return request.redirect(move_sudo._payplug_page_path() + query, code=303)

    def _show_unknown(self):
        return self._show({"state": "unknown"}, 404, company=request.env.company)

    def _show(self, page, status, company):
        """Return the page, in the portal's layout and the language that is spoken."""
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
