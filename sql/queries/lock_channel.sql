-- One server at a time composes for a channel $1, for this transaction. skip locked: another one that comes has nothing to do.
select channel from channel_turn where channel = $1 for update skip locked
