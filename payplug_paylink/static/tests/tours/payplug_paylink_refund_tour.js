import {registry} from "@web/core/registry";

registry.category("web_tour.tours").add("payplug_paylink_refund", {
    steps: () => [
        {
            content: "Ask for a refund of the credit note",
            trigger: "button[name='action_payplug_refund']",
            run: "click",
        },
        {
            content: "The window says that it is final",
            trigger: ".modal :contains('A refund is final')",
        },
        {
            content: "It offers all that the credit note leaves, and less can be typed",
            trigger: ".modal [name='amount'] input",
            run: "edit 150",
        },
        {
            content: "Refund",
            trigger: ".modal button[name='action_confirm']",
            run: "click",
        },
        {
            content: "The credit note says that it is on its way",
            trigger:
                "body:not(:has(.modal)) .alert:contains('150.00'):contains('is being refunded')",
        },
        {
            content: "So does its badge",
            trigger:
                ".o_field_widget[name='payplug_refund_state']:contains('Being refunded')",
        },
    ],
});

registry.category("web_tour.tours").add("payplug_paylink_refunded", {
    steps: () => [
        {
            content: "The document says what was refunded",
            trigger: ".alert:contains('150.00'):contains('was refunded')",
        },
        {
            content: "So does its badge",
            trigger: ".o_field_widget[name^='payplug_']:contains('Refunded in part')",
        },
        {
            content: "Open its refunds",
            trigger: "button[name='action_payplug_open_refunds']",
            run: "click",
        },
        {
            content: "It is in the list",
            trigger: ".o_list_view td[name='state']:contains('Refunded')",
        },
    ],
});
