"""The doors to the Internet: Payplug's notification and the payer's return.

A signature that is not ours is answered before any query of ours. Nothing that a
visitor sends is believed: Payplug is asked.
"""

import logging

from werkzeug.exceptions import NotFound, ServiceUnavailable

from odoo import http
from odoo.exceptions import ConcurrencyError, UserError
from odoo.http import request

from ..models.res_company_client import in_a_hurry
from ..payplug_remote import PayplugError

_logger = logging.getLogger(__name__)

MAX_BODY = 64 * 1024


class PayplugPaylink(http.Controller):
    @http.route(
        "/payplug/notify/<int:link_id>/<string:signature>",
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
        if link_sudo:
            self._refresh(link_sudo)
        return request.make_response("", [("Content-Type", "text/plain")])

    @http.route(
        "/payplug/return/<int:link_id>/<string:signature>",
        type="http",
        auth="public",
        methods=["GET"],
        save_session=False,
    )
    def come_back(self, link_id, signature, **_query):
        """The payer comes back from Payplug: look once, then show the invoice.

        If Payplug is silent the payer is not bothered: the notification and the cron
        will tell.
        """
        link_sudo = self._find_link("return", link_id, signature)
        if not link_sudo:
            raise NotFound()
        try:
            self._refresh(link_sudo)
        except ServiceUnavailable:
            _logger.info("Link %s: the payer came back, unseen", link_sudo.id)
        move_sudo = link_sudo.move_id.with_context(skip_is_manually_modified=True)
        url = move_sudo.get_portal_url() if move_sudo else "/"
        return request.redirect(url, code=303)

    def _find_link(self, door, link_id, signature):
        """Return the link of a signed address, empty if it is gone."""
        links = request.env["payplug.payment.link"]
        if not links._is_signature(door, link_id, signature):
            raise NotFound()
        # The signature is the right to have the link followed.
        return in_a_hurry(links.sudo().browse(link_id).exists())

    def _refresh(self, link_sudo):
        try:
            with request.env.cr.savepoint():
                link_sudo._refresh()
        except (PayplugError, UserError, ConcurrencyError) as error:
            _logger.info("Link %s was not refreshed: %s", link_sudo.id, error)
            raise ServiceUnavailable() from error
