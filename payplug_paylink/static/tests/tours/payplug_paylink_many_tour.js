import {registry} from "@web/core/registry";

/**
 * Wait for a row of what is not sent that gives all these reasons.
 *
 * @param {...String} words of the reasons
 * @returns {Object} a step
 */
function seeReasons(...words) {
    const reasons = words.map((some) => `:contains("${some}")`).join("");
    return {
        content: `A reason stands there: ${words.join(", ")}`,
        trigger: `.modal [name='refused_ids'] td[name='failure_reason']${reasons}`,
    };
}

/**
 * Choose a card of the kanban, as a click with the Alt key does.
 *
 * @param {String} name of the customer
 * @returns {Object} a step
 */
function chooseCard(name) {
    return {
        content: `Choose the card of ${name}`,
        trigger: `.o_kanban_record:not(.o_record_selected):contains("${name}")`,
        run({anchor}) {
            anchor.dispatchEvent(
                new MouseEvent("click", {bubbles: true, altKey: true})
            );
        },
    };
}

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
            content: "Six are to be sent",
            trigger: ".modal .o_field_widget[name='ready_title']:contains('(6)')",
        },
        {
            content: "Five are not",
            trigger:
                ".modal [name='refused'] .o_field_widget[name='refused_title']:contains('(5)')",
        },
        seeReasons("The amount due is 25,000.00", "Nobody has no e-mail address"),
        seeReasons("Payplug takes euros only; the invoice is in USD"),
        seeReasons("It is not validated (Draft)"),
        seeReasons("It has 2 due dates"),
        seeReasons("Nothing is left to pay on it (Paid)"),
        {
            content: "Send the others",
            trigger: ".modal button[name='action_send']",
            run: "click",
        },
        {
            content: "Odoo goes on at once",
            trigger: "body:not(:has(.modal)) .o_notification:contains('background: 6')",
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
            trigger: ".o_list_view td[name='payplug_status']:contains('Being sent')",
        },
    ],
});

registry.category("web_tour.tours").add("payplug_paylink_send_from_kanban", {
    steps: () => [
        chooseCard("Marie Durand"),
        chooseCard("Paul Martin"),
        {
            content: "Open the menu of what is chosen",
            trigger:
                ".o_selection_container .o_cp_action_menus button:contains('Actions')",
            run: "click",
        },
        {
            content: "Ask for their payment links",
            trigger: ".o-dropdown--menu .o_menu_item:contains('Send payment link')",
            run: "click",
        },
        {
            content: "Two are to be sent, and none is refused",
            trigger:
                ".modal:not(:has([name='refused_ids'])) .o_field_widget[name='ready_title']:contains('(2)')",
        },
        {
            content: "Send them",
            trigger: ".modal button[name='action_send']",
            run: "click",
        },
        {
            content: "Odoo goes on at once",
            trigger: "body:not(:has(.modal)) .o_notification:contains('background: 2')",
        },
    ],
});
