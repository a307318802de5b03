-- Nobody waits longer for a scrape; for this transaction alone.
select set_config('statement_timeout', '4000', true)
