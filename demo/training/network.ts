/** One flower: its measurements, scaled, and the index of its species. */
export interface Example {
  readonly features: readonly number[]
  readonly label: number
}

/** A network of one hidden layer, as plain numbers, so that it can be written down and compared exactly. */
export interface Network {
  readonly hidden: readonly (readonly number[])[]
  readonly output: readonly (readonly number[])[]
}

export interface Quality {
  readonly loss: number
  readonly accuracy: number
}

const HIDDEN = 8
const RATE = 0.05

/** Reads the data set and scales each measurement to mean 0 and deviation 1. */
export function readExamples(csv: string): { examples: Example[]; species: string[] } {
  const rows = csv
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(','))
  const species = [...new Set(rows.map((row) => row.at(-1) ?? ''))].sort()
  const raw = rows.map((row) => row.slice(0, -1).map(Number))
  const columns = (raw[0] ?? []).map((_, column) => raw.map((row) => row[column] ?? 0))
  const scales = columns.map((values) => {
    const mean = sum(values) / values.length
    return { mean, deviation: Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / values.length) }
  })
  const examples = raw.map((row, n) => ({
    features: row.map((value, column) => (value - (scales[column]?.mean ?? 0)) / (scales[column]?.deviation ?? 1)),
    label: species.indexOf(rows[n]?.at(-1) ?? ''),
  }))
  return { examples, species }
}

/** Numbers in [0, 1) that are the same for the same seed, on every machine. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** A network that has learnt nothing yet. */
export function freshNetwork(inputs: number, outputs: number, seed: number): Network {
  const random = randomFrom(seed)
  const layer = (rows: number, columns: number) =>
    Array.from({ length: rows }, () => Array.from({ length: columns + 1 }, () => random() - 0.5))
  return { hidden: layer(HIDDEN, inputs), output: layer(outputs, HIDDEN) }
}

/**
 * One pass over the examples in an order that depends only on seed and epoch: training that stops
 * after any epoch and goes on from there ends in the same network, to the bit.
 */
export function trainEpoch(
  before: Network,
  examples: readonly Example[],
  order: { seed: number; epoch: number },
): Network {
  const hidden = before.hidden.map((row) => [...row])
  const output = before.output.map((row) => [...row])
  for (const example of shuffled(examples, randomFrom(order.seed * 100_003 + order.epoch)))
    learn(hidden, output, example)
  return { hidden, output }
}

export function evaluate(network: Network, examples: readonly Example[]): Quality {
  const answers = examples.map(({ features, label }) => ({ chances: predict(network, features), label }))
  const right = answers.filter(({ chances, label }) => chances.indexOf(Math.max(...chances)) === label).length
  const losses = answers.map(({ chances, label }) => -Math.log(Math.max(chances[label] ?? 0, 1e-12)))
  return { loss: sum(losses) / losses.length, accuracy: right / answers.length }
}

function predict(network: Network, features: readonly number[]): number[] {
  return softmax(applied(network.output, applied(network.hidden, features).map(Math.tanh)))
}

function learn(hidden: number[][], output: number[][], { features, label }: Example): void {
  const inner = applied(hidden, features).map(Math.tanh)
  const errors = softmax(applied(output, inner)).map((chance, index) => chance - (index === label ? 1 : 0))
  const back = inner.map(
    (value, n) => sum(output.map((row, m) => (row[n] ?? 0) * (errors[m] ?? 0))) * (1 - value * value),
  )
  descend(output, errors, inner)
  descend(hidden, back, features)
}

function descend(layer: number[][], errors: readonly number[], inputs: readonly number[]): void {
  layer.forEach((row, n) => {
    const step = RATE * (errors[n] ?? 0)
    row.forEach((weight, m) => {
      row[m] = weight - step * (m < inputs.length ? (inputs[m] ?? 0) : 1)
    })
  })
}

function applied(layer: readonly (readonly number[])[], inputs: readonly number[]): number[] {
  return layer.map((row) => sum(row.map((weight, m) => weight * (m < inputs.length ? (inputs[m] ?? 0) : 1))))
}

function softmax(values: readonly number[]): number[] {
  const top = Math.max(...values)
  const powers = values.map((value) => Math.exp(value - top))
  const whole = sum(powers)
  return powers.map((power) => power / whole)
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const order = [...items]
  for (let n = order.length - 1; n > 0; n--) {
    const m = Math.floor(random() * (n + 1))
    const held = order[n] as T
    order[n] = order[m] as T
    order[m] = held
  }
  return order
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
