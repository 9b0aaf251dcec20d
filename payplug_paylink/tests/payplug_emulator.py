"""A local Payplug for tests and demonstrations: API, payment page, notifications.

    python payplug_emulator.py --port 8070

in a shell, or ``PayplugEmulator.start()`` in a test. It does not need Odoo, and any
client of Payplug's API can use it. It is not meant for production. The code is in the
package `emulator`, which ``python -m emulator --port 8070`` starts from this folder.

Amounts are integer cents, moments UTC Unix seconds, durations seconds.

Hooks for tests are methods of `PayplugEmulator`; beside it, each of them answers at
``POST /_emulator/<method>``, whose JSON body holds the named arguments, with
``{"result": ...}``, and wrong ones with 400:

====================  =================================================================
method                arguments (default) and effect
====================  =================================================================
advance               seconds, minutes, hours, days (0): move the clock forward
pay                   payment_id, card, paid_at (now), late (False: only when open)
refuse                payment_id, code ("card_declined"): refuse a card, stay open
expire                payment_id: time out at once
abort                 payment_id: abort as in the merchant's portal
refund                payment_id, cents (all that is left): as in the merchant's portal
process_refunds       payment_id: carry out what was recorded only
payment               payment_id: the resource as it stands
alter                 payment_id, fields: change the stored resource
forget                payment_id: remove it, 404 from now on
add_account           name, live_allowed, min_cents, max_cents, email, password, …
set_account           account_id, balance_cents, refunds_by_hand: too low a balance; and
                      refunds that are only recorded, with 200 and an error object
add_payments          count, account_id, is_live, …: payments made elsewhere
fail                  kind, times (1), method, path, seconds, fields, processed,
                      skip: see `FaultInjector.fail`
clear_faults          no further faults
set_latency           seconds: of every answer of the API
go_down, come_back    close the connection of every call, without an answer
set_notifications     hold, copies, reverse: late, duplicate and reordered ones
deliver               send the notifications that are due
ledger                the money that was taken
list_calls            the calls that the API received
list_notifications    the notifications, with the statuses of each attempt
reset                 remove everything but the accounts
====================  =================================================================

Kinds of faults, and whether the call is carried out before its answer goes wrong:

============================  ===========  ============================================
kind                          carried out  answer
============================  ===========  ============================================
delay                         yes          the right one, ``seconds`` later
drip, drip_head               yes          the right one, a byte every ``seconds``
continue                      yes          "100 Continue" every ``seconds``, no other
drop                          yes          none: the connection is closed
lie                           yes          the right one with other ``fields``
bad_utf8, empty, list, null   yes          200 with such a body
deep                          yes          200 with 100 000 nested lists
bomb                          yes          200 with 200 MB of zeros, compressed
error                         no           200 with an error object
html                          no           200 with a page of HTML
deep_error                    no           400 with 100 000 nested lists
redirect                      no           302 to ``/test``
429, 403, … (int or string)   no           an error object, from 500 on a page of HTML
============================  ===========  ============================================
"""

if __package__:
    from .emulator import PayplugEmulator
else:  # a script, or imported from this folder: then the folder is on the path
    from emulator import PayplugEmulator

__all__ = ["PayplugEmulator"]

if __name__ == "__main__":
    from emulator.__main__ import main

    main()
