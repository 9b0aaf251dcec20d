import {registry} from "@web/core/registry";

registry.category("web_tour.tours").add("payplug_paylink_send", {
    steps: () => [
        {
            content: "Ask for a payment link",
            trigger: "button[name='action_payplug_send_link']",
            run: "click",
        },
        {
            content: "The mail of our template holds the button",
            trigger: ".modal [name='body'] :contains('Pay 1,234.56')",
        },
        {
            content: "Send it",
            trigger: ".modal button[name='action_send_and_print']",
            run: "click",
        },
        {
            content: "The invoice waits for its payment",
            trigger:
                "body:not(:has(.modal)) .o_field_widget[name='payplug_state']:contains('Waiting for payment')",
        },
    ],
});

registry.category("web_tour.tours").add("payplug_paylink_send_many", {
    steps: () => [
        {
            content: "Choose all invoices of the list",
            trigger: ".o_list_view thead .o_list_record_selector input",
            run: "click",
        },
        {
            content: "Ask for their payment links",
            trigger: ".o_control_panel button[name='action_payplug_send_link']",
            run: "click",
        },
        {
            content: "Twenty are to be sent",
            trigger: ".modal .o_field_widget[name='ready_count']:contains('20')",
        },
        {
            content: "Five are not",
            trigger: ".modal .o_field_widget[name='refused_count']:contains('5')",
        },
        {
            content: "See who is not sent anything",
            trigger: ".modal .nav-link:contains('Not sent')",
            run: "click",
        },
        {
            content: "Too large, and with no address: both reasons stand there",
            trigger:
                ".modal [name='refused_ids'] td:contains('25,000.00'):contains('e-mail')",
        },
        {
            content: "Send the others",
            trigger: ".modal button[name='action_send']",
            run: "click",
        },
        {
            content: "Odoo goes on at once",
            trigger:
                "body:not(:has(.modal)) .o_notification:contains('background: 20')",
        },
        {
            content: "Load the list again",
            trigger: ".o_searchview_input",
            run: "click",
        },
        {
            trigger: ".o_searchview_input",
            run: "press Enter",
        },
        {
            content: "The list shows that they are being sent",
            trigger:
                ".o_list_view td[name='payplug_sending_state']:contains('Being sent')",
        },
    ],
});
