// Documents, alert rules and dashboard against the catalogue of metrics: none names a metric that is not there, and every
// alert can be acted upon and is tried both ways.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { hostFactNames } from '../../../src/domain/host-facts.ts';
import { conditions } from '../../../src/domain/warning.ts';
import { databaseMetrics, type MetricDefinition, processMetrics } from '../../../src/metrics/catalogue.ts';

const root = resolve(import.meta.dirname, '../../..');
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

const catalogue: Readonly<Record<string, MetricDefinition>> = { ...processMetrics, ...databaseMetrics };

/** Names of ours in an expression, those of a histogram without what its series add. */
const metricsIn = (expression: string): readonly string[] =>
  [...expression.matchAll(/\b(?:omens|process)_[a-z_]+/g)].map(([name]) =>
    name in catalogue ? name : name.replace(/_(?:bucket|count|sum)$/, ''),
  );

const unknownIn = (expressions: readonly string[]): readonly string[] =>
  [...new Set(expressions.flatMap(metricsIn))].filter((name) => !(name in catalogue));

/** Labels that an expression selects or groups by, beside those that Prometheus adds. */
const labelsIn = (expression: string): readonly string[] => [
  ...[...expression.matchAll(/[{,]\s*([a-z_]+)\s*(?:=~|!~|!=|=)\s*"/g)].map((match) => match[1]!),
  ...[...expression.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)].flatMap((match) =>
    match[1]!.split(',').map((label) => label.trim()),
  ),
];

const knownLabels = new Set(['', 'job', 'instance', 'le', ...Object.values(catalogue).flatMap(({ labels }) => labels)]);

const unknownLabelsIn = (expressions: readonly string[]): readonly string[] =>
  [...new Set(expressions.flatMap(labelsIn))].filter((label) => !knownLabels.has(label));

describe('docs/metrics.md', () => {
  test('has the table of the catalogue', () => {
    const rows = Object.entries(catalogue).map(
      ([name, { kind, labels, bound, help }]) =>
        `| \`${name}\` | ${kind} | ${labels.map((label) => `\`${label}\``).join(' ') || '–'} | ${bound} | ${help} |`,
    );
    const table = ['| Metric | Kind | Labels | Series at most | What |', '|---|---|---|---|---|', ...rows].join('\n');
    const document = textOf('docs/metrics.md');
    expect(document.slice(document.indexOf('| Metric | Kind |')).split('\n\n')[0]?.trimEnd()).toBe(table);
  });

  test('names every fact of a host', () => {
    const document = textOf('docs/metrics.md');
    expect(hostFactNames.filter((name) => !document.includes(`\`${name}\``))).toEqual([]);
  });
});

type Rule = {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
};

const { groups } = parse(textOf('monitoring/prometheus/omens.rules.yaml')) as {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);

type Case = {
  readonly name: string;
  readonly input_series: readonly { readonly series: string }[];
  readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
};

const { tests } = parse(textOf('monitoring/prometheus/omens.rules.test.yaml')) as { readonly tests: readonly Case[] };

describe('the alert rules', () => {
  test('name metrics and labels of the catalogue only', () => {
    const expressions = rules.map(({ expr }) => expr);
    expect(unknownIn(expressions)).toEqual([]);
    expect(unknownLabelsIn(expressions)).toEqual([]);
    expect(unknownIn(tests.flatMap((one) => one.input_series.map(({ series }) => series)))).toEqual([]);
  });

  test('name conditions and facts that there are', () => {
    const values = (label: string): readonly string[] =>
      rules.flatMap(({ expr }) =>
        [...expr.matchAll(new RegExp(`${label}=~?"([^"]*)"`, 'g'))].flatMap((match) => match[1]!.split('|')),
      );
    expect(values('condition').filter((name) => !(name in conditions))).toEqual([]);
    expect(values('fact').filter((name) => !hostFactNames.some((one) => one === name))).toEqual([]);
  });

  test.each(rules)(
    '$alert has patience, a severity, and a section of the runbook',
    ({ alert, labels, annotations, ...rule }) => {
      expect(rule.for).toMatch(/^\d+[mh]$/);
      expect(['info', 'warning', 'critical', '{{ $labels.level }}']).toContain(labels.severity);
      expect(annotations.summary).not.toBe('');
      expect(annotations.runbook).toBe(`docs/runbooks/alerts.md#${alert.toLowerCase()}`);
      expect(textOf('docs/runbooks/alerts.md')).toMatch(new RegExp(`^### ${alert}$`, 'm'));
    },
  );

  test.each(rules)('$alert is tried both ways', ({ alert }) => {
    const cases = tests.flatMap((one) => one.alert_rule_test).filter(({ alertname }) => alertname === alert);
    expect(cases.map(({ exp_alerts: expected }) => (expected.length > 0 ? 'fires' : 'silent')).toSorted()).toEqual([
      'fires',
      'silent',
    ]);
  });

  test('have no section in the runbook that no rule leads to', () => {
    const sections = [...textOf('docs/runbooks/alerts.md').matchAll(/^### (\S+)$/gm)].map((match) => match[1]!);
    expect(sections.toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
  });
});

type Panel = {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
};

describe('the dashboard', () => {
  const { panels, uid } = JSON.parse(textOf('monitoring/grafana/omens.json')) as {
    readonly panels: readonly Panel[];
    readonly uid: string;
  };
  const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

  test('names metrics and labels of the catalogue only', () => {
    expect(uid).toBe('book-of-omens');
    expect(unknownIn(expressions)).toEqual([]);
    expect(unknownLabelsIn(expressions)).toEqual([]);
  });

  test('shows every metric somewhere', () => {
    const shown = new Set(expressions.flatMap(metricsIn));
    expect(Object.keys(catalogue).filter((name) => !shown.has(name))).toEqual([]);
  });

  test('has panels of their own number and title that do not overlap', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    const overlaps = panels.flatMap((a, at) =>
      panels
        .slice(at + 1)
        .filter(
          (b) =>
            a.gridPos.x < b.gridPos.x + b.gridPos.w &&
            b.gridPos.x < a.gridPos.x + a.gridPos.w &&
            a.gridPos.y < b.gridPos.y + b.gridPos.h &&
            b.gridPos.y < a.gridPos.y + a.gridPos.h,
        )
        .map((b) => `${a.title} and ${b.title}`),
    );
    expect(overlaps).toEqual([]);
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
  });
});
