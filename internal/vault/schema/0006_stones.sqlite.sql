-- The tombstones that 0004 gave a date 90 days before they run out stood too long where
-- a profile has them stand for longer. Until when one stands is in anchor_at; its date
-- alone must not keep it, so it lies ten years before, further than any profile reaches.
update vault_record set expires_at = anchor_at - 315360000000000
	where status <> 1 and expires_at = anchor_at - 7776000000000;
