// Describes what a database's catalogue holds, as sorted lines, so that two ways of making a schema can be compared.
// Order of columns counts; names of things do; the migration runner's own table is left out.
import { Client } from 'pg';

const own = "n.nspname = 'public' and c.relname <> 'schema_migration'";

const parts: readonly string[] = [
  `select format('relation %s kind=%s persistence=%s options=%s rls=%s', c.relname, c.relkind, c.relpersistence,
                 coalesce(c.reloptions::text, '-'), c.relrowsecurity) as line
     from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${own} and c.relkind in ('r','v','m','S','p','f')`,
  `select format('column %s #%s %s %s%s default=%s identity=%s generated=%s collation=%s', c.relname,
                 row_number() over (partition by c.oid order by a.attnum), a.attname,
                 format_type(a.atttypid, a.atttypmod), case when a.attnotnull then ' not null' else '' end,
                 coalesce(pg_get_expr(d.adbin, d.adrelid), '-'), coalesce(nullif(a.attidentity, ''), '-'),
                 coalesce(nullif(a.attgenerated, ''), '-'), coalesce(l.collname, '-')) as line
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     left join pg_collation l on l.oid = a.attcollation
    where ${own} and c.relkind in ('r','v','m','p','f') and a.attnum > 0 and not a.attisdropped`,
  `select format('constraint %s on %s: %s', k.conname, c.relname, pg_get_constraintdef(k.oid)) as line
     from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
    where ${own}`,
  `select format('domain %s %s%s default=%s: %s', t.typname, format_type(t.typbasetype, t.typtypmod),
                 case when t.typnotnull then ' not null' else '' end, coalesce(t.typdefault, '-'),
                 coalesce((select string_agg(pg_get_constraintdef(k.oid), ', ' order by k.conname)
                             from pg_constraint k where k.contypid = t.oid), '-')) as line
     from pg_type t join pg_namespace n on n.oid = t.typnamespace where n.nspname = 'public' and t.typtype = 'd'`,
  `select format('enum %s: %s', t.typname, string_agg(e.enumlabel, ', ' order by e.enumsortorder)) as line
     from pg_type t join pg_namespace n on n.oid = t.typnamespace join pg_enum e on e.enumtypid = t.oid
    where n.nspname = 'public' group by t.typname`,
  `select format('index %s', pg_get_indexdef(i.indexrelid)) as line
     from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace where ${own}`,
  `select format('trigger %s', pg_get_triggerdef(t.oid)) as line
     from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
    where ${own} and not t.tgisinternal`,
  `select format('function %s', pg_get_functiondef(p.oid)) as line
     from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'public' and p.prokind in ('f', 'p')`,
  `select format('view %s: %s', c.relname, pg_get_viewdef(c.oid)) as line
     from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${own} and c.relkind in ('v', 'm')`,
  `select format('sequence %s as %s start=%s increment=%s', s.sequencename, s.data_type, s.start_value, s.increment_by) as line
     from pg_sequences s where s.schemaname = 'public'`,
  `select format('comment on %s%s: %s', c.relname, coalesce('.' || a.attname, ''), d.description) as line
     from pg_description d join pg_class c on c.oid = d.objoid and d.classoid = 'pg_class'::regclass
     join pg_namespace n on n.oid = c.relnamespace
     left join pg_attribute a on a.attrelid = c.oid and a.attnum = d.objsubid and d.objsubid > 0
    where ${own}`,
  `select format('privileges on %s: %s', c.relname, c.relacl) as line
     from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${own} and c.relacl is not null`,
];

/** The catalogue of the schema `public`: relations, columns, constraints, types, indexes, triggers, functions, comments. */
export async function describeCatalogue(databaseUrl: string): Promise<readonly string[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const lines: string[] = [];
    for (const sql of parts) lines.push(...(await client.query<{ line: string }>(sql)).rows.map((row) => row.line));
    return lines.toSorted();
  } finally {
    await client.end();
  }
}
