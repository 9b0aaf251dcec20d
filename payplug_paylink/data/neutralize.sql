-- A copy of a database must not take anybody's money, nor touch the original's links.
UPDATE res_company
   SET payplug_enabled = false,
       payplug_mode = 'test',
       payplug_test_key = NULL,
       payplug_live_key = NULL;
