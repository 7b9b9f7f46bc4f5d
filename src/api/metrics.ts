/** One thing that is measured, with a value for each set of labels. */
export interface Metric {
  readonly name: string
  readonly is: 'gauge' | 'counter'
  readonly help: string
  readonly values: readonly Value[]
}

export type Value = readonly [labels: Readonly<Record<string, string>>, value: number]

/** What Prometheus is told by the type of the answer: the text format, version 0.0.4. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Metrics in Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats/ */
export function exposition(metrics: readonly Metric[]): string {
  const blocks = metrics
    .filter(({ values }) => values.length > 0)
    .map(({ name, is, help, values }) =>
      [
        `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
        `# TYPE ${name} ${is}`,
        ...values.map(([labels, value]) => `${name}${labelled(labels)} ${value}`),
      ].join('\n'),
    )
  return `${blocks.join('\n')}\n`
}

function labelled(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
