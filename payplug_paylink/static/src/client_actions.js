/** @odoo-module **/

import {browser} from "@web/core/browser/browser";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";

/** Copy a text that a button has made; show it where the browser forbids that. */
async function copyText(env, {params}) {
    try {
        await browser.navigator.clipboard.writeText(params.text);
        env.services.notification.add(params.text, {
            title: _t("Payment link copied"),
            type: "success",
        });
    } catch {
        env.services.notification.add(params.text, {
            title: _t("Copy this payment link"),
            type: "info",
            sticky: true,
        });
    }
    return params.next;
}

/** Open the settings where those of Payplug stand. */
async function openSettings(env) {
    await env.services.action.doAction("account.action_account_config", {
        clearBreadcrumbs: true,
    });
    document.getElementById("payplug_paylink")?.scrollIntoView({block: "center"});
}

registry.category("actions").add("payplug_paylink.copy", copyText);
registry.category("actions").add("payplug_paylink.settings", openSettings);
