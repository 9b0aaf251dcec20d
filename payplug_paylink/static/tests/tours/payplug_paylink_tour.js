import {registry} from "@web/core/registry";

registry.category("web_tour.tours").add("payplug_paylink_send", {
    steps: () => [
        {
            content: "Open the menu of the form",
            trigger: ".o_control_panel .o_cp_action_menus button",
            run: "click",
        },
        {
            content: "Ask for a payment link",
            trigger: ".o-dropdown--menu .o_menu_item:contains('Send payment link')",
            run: "click",
        },
        {
            content: "The mail of our template holds the button; send it later",
            trigger:
                ".modal:has([name='body'] :contains('Pay 1,234.56')) button.btn-close",
            run: "click",
        },
        {
            content: "The invoice says so; ask again, by its button",
            trigger:
                "body:not(:has(.modal)):has([name='payplug_status']:contains('Created, not sent')) button[name='action_payplug_send_link']",
            run: "click",
        },
        {
            content: "Send the mail with its button",
            trigger:
                ".modal:has([name='body'] :contains('Pay 1,234.56')) button[name='action_send_and_print']",
            run: "click",
        },
        {
            content: "The invoice waits for its payment",
            trigger:
                "body:not(:has(.modal)) .o_field_widget[name='payplug_status']:contains('Sent, waiting')",
        },
    ],
});
