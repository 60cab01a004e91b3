// What the API answers, as far as the pages read it. Times are ISO 8601 in UTC; ages and durations are seconds.

export interface Project {
  name: string;
  env: string;
  version: number;
  penstock: string;
  timezone: string;
  tables: number;
  dashboards: number;
  metrics: number;
  csrf: string;
}

export interface Column {
  name: string;
  type: string;
}

export type Cell = string | number | boolean | null | object;

export interface Grid {
  columns: Column[];
  rows: Cell[][];
  total: number | null;
  truncated: boolean;
}

export type TableState = 'ok' | 'failed' | 'warned' | 'late' | 'empty' | 'changed' | 'rolled back' | 'running';

export interface TableRow {
  name: string;
  kind: 'raw' | 'sql' | 'python';
  state: TableState;
  rows: number | null;
  version: number | null;
  changed_at: string | null;
  checked_at: string | null;
  age_seconds: number | null;
  fresh_seconds: number | null;
  used: number | null;
  kept_by: string | null;
  rejects: number;
  added: number | null;
  removed: number | null;
  warnings: string[];
  error: string | null;
  owner: string | null;
  tags: string[];
  description: string | null;
}

export interface Check {
  label: string;
  sql: string;
  severity: string;
  state: string;
  failed: number | null;
  sample: Grid | null;
  run: number | string | null;
  at: string | null;
}

export interface SchemaChange {
  version: number;
  at: string | null;
  change: string;
}

export interface TablePage extends TableRow {
  columns: { name: string; type: string; nullable: boolean; description: string | null }[];
  definition: { text: string; file: string; line: number; language: string };
  checks: Check[];
  reads: string[];
  read_by: string[];
  used_by: { tables: string[]; sinks: string[]; metrics: string[]; dashboards: string[] };
  schema_changes: SchemaChange[];
  runs: RunRow[];
  /** Why it failed, with its place. */
  fault: StepError | null;
}

export interface RunRow {
  id: number | string;
  started: string;
  ended: string | null;
  seconds: number | null;
  state: string;
  command: string | null;
  version: number | null;
  tables: number;
  failed: string[];
  rows_in: number;
  added: number;
  removed: number;
  rejected: number;
}

export interface Step {
  table: string;
  stage: string | null;
  state: string;
  strategy: string | null;
  reason: string | null;
  added: number | null;
  removed: number | null;
  rejected: number | null;
  rows_in: number | null;
  bytes_in: number | null;
  seconds: number | null;
  started: number | null;
  error: StepError | string | null;
}

export interface StepError {
  kind?: string;
  subject?: string;
  expected?: string | null;
  got?: string | null;
  where?: string | null;
  hint?: string | null;
  excerpt?: string | null;
  message?: string;
}

export interface RunPage {
  run: RunRow;
  steps: Step[];
  checks: (Check & { table?: string })[];
  logs: { at: string; level: string; text: string }[];
}

export interface Trouble {
  kind: 'failed' | 'late' | 'warned' | 'rejects' | 'page';
  level: 'bad' | 'warn';
  table: string | null;
  title: string;
  detail: string | null;
  where: string | null;
  expected: string | null;
  got: string | null;
  excerpt: string | null;
  hint: string | null;
  links: { label: string; to: string }[];
}

export interface PageInfo {
  name: string;
  title: string;
  file: string;
  owner: string | null;
  description: string | null;
  pinned: boolean;
  tiles: number;
  mistakes: number;
  state: string;
  age_seconds: number | null;
  fresh_seconds: number | null;
  tables: string[];
}

export interface Home {
  headline: string;
  detail: string;
  state: 'ok' | 'warn' | 'bad';
  trouble: Trouble[];
  pinned: PageInfo[];
  freshness: TableRow[];
  activity: { runs_hour: number; failed_hour: number; rows_hour: number };
}

export interface DrawnNode {
  id: string;
  label: string;
  kind: string;
  state: string | null;
  x: number;
  y: number;
  width: number;
  height: number;
  group: string | null;
  columns?: { name: string; y: number }[];
}

export interface DrawnEdge {
  from: string;
  to: string;
  points: [number, number][];
  column?: string | null;
}

export interface DrawnGroup {
  id: string;
  label: string;
  count: number;
  collapsed: boolean;
  state: string | null;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Drawing {
  nodes: DrawnNode[];
  edges: DrawnEdge[];
  groups: DrawnGroup[];
  width: number;
  height: number;
}

export interface ColumnProfile {
  name: string;
  type: string;
  nulls: number;
  distinct: number | null;
  min: Cell;
  max: Cell;
  mean: number | string | null;
  std: number | string | null;
  quantiles: unknown;
  histogram: [Cell, Cell, number][] | null;
  top: [Cell, number][] | null;
  patterns: [string, number][] | null;
}

export interface Profile {
  table: string;
  version: number;
  rows: number;
  columns: ColumnProfile[];
}

export interface MetricInfo {
  name: string;
  label: string;
  table: string;
  sql: string;
  kind: string;
  dimensions: string[];
  time: string | null;
  grain: string | null;
  format: string | null;
  description: string | null;
  owner: string | null;
  file: string | null;
  line: number | null;
}

export interface Measured {
  sql: string;
  columns: { name: string; type: string; role: string; label: string; format: string | null }[];
  rows: Cell[][];
}

export interface Version {
  version: number;
  at: string | null;
  run: number | string | null;
  added: number | null;
  removed: number | null;
  rows: number | null;
}

export interface Found {
  kind: 'table' | 'column' | 'dashboard' | 'metric' | 'run' | 'page';
  name: string;
  detail: string | null;
  to: string;
}

export interface Words {
  tables: { name: string; columns: Column[] }[];
  functions: { name: string; signature: string; description: string | null }[];
  metrics: { name: string; label: string; dimensions: string[] }[];
  keywords: string[];
}

export interface PlanStep {
  operator: string;
  details: [string, string][];
  expected: number | null;
  rows: number | null;
  seconds: number | null;
  steps: PlanStep[];
}

export interface QueryPlan {
  step: PlanStep;
  seconds: number | null;
}
