-- Open warnings by condition and level.
select condition, level, count(*)::int as count from warning where closed_at is null group by condition, level
