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
