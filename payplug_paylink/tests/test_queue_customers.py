"""Two workers at the same new customer, on whom Odoo writes when it mails him first."""

from odoo.tests import tagged

from .common_concurrency import ConcurrencyCommon

SCOPE = "auth_signup.invitation_scope"


@tagged("post_install", "-at_install")
class TestQueueCustomers(ConcurrencyCommon):
    def setUp(self):
        super().setUp()
        with self.registry.cursor() as cr:
            env = self._env(cr)
            invoices = env["account.move"].browse(self.invoice_id)
            invoices += self._create_invoice(env)
            # What lets Odoo write on those who get a mail.
            self.addCleanup(self._restore, env["ir.config_parameter"].get_param(SCOPE))
            env["ir.config_parameter"].set_param(SCOPE, "b2c")
            env["payplug.sending"]._enqueue(
                invoices, invoices._payplug_template(), env["ir.actions.report"]
            )
            self.invoice_ids = invoices.ids
            self.customer_ids = invoices.partner_id.ids

    def _restore(self, scope):
        with self.registry.cursor() as cr:
            env = self._env(cr)
            env["ir.config_parameter"].set_param(SCOPE, scope)
            self._rows(env).unlink()

    def _rows(self, env):
        return env["payplug.sending"].search([("move_id", "in", self.invoice_ids)])

    def _prepared(self):
        """Return for each customer whether Odoo need not write on him any more."""
        with self.registry.cursor() as cr:
            customers = self._env(cr)["res.partner"].browse(self.customer_ids)
            return [bool(customer.signup_type) for customer in customers]

    def _write_on_first(self, cr):
        customer = self._env(cr)["res.partner"].browse(self.customer_ids[0])
        customer.comment = "Calls on Mondays"
        customer.flush_recordset()

    def test_customer_held_by_another_is_left_and_the_others_are_prepared(self):
        with self.registry.cursor() as other, self.registry.cursor() as worker:
            self._write_on_first(other)
            worker.execute("SET lock_timeout = '1s'")
            self._rows(self._env(worker))._prepare_customers()
            other.commit()
        self.assertEqual(self._prepared(), [False, True])

    def test_customer_who_was_changed_meanwhile_is_no_conflict(self):
        """Not even one in the log, which another test's plug-in would refuse."""
        with self.registry.cursor() as other, self.registry.cursor() as worker:
            rows = self._rows(self._env(worker))
            rows.move_id.partner_id.mapped("signup_type")  # takes the snapshot
            self._write_on_first(other)
            other.commit()
            rows._prepare_customers()
        self.assertEqual(self._prepared(), [True, True])

    def test_second_worker_has_nothing_left_to_write(self):
        with self.registry.cursor() as first, self.registry.cursor() as second:
            self._rows(self._env(first))._prepare_customers()
            customers = self._env(first)["res.partner"].browse(self.customer_ids)
            customers.lock_for_update()
            second.execute("SET lock_timeout = '1s'")
            self._rows(self._env(second))._prepare_customers()
        self.assertEqual(self._prepared(), [True, True])
