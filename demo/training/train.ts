/**
 * Trains a small network on the Iris data, writes a checkpoint after each epoch, and goes on from the
 * checkpoint it finds. It is the training job of the demo: an ordinary script that knows nothing of Holdfast.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { evaluate, freshNetwork, type Network, readExamples, trainEpoch } from './network.ts'
import { trackingFromEnvironment } from './tracking.ts'

interface Checkpoint {
  readonly epoch: number
  readonly network: Network
}

const { values: given } = parseArgs({
  options: {
    data: { type: 'string' },
    checkpoints: { type: 'string' },
    model: { type: 'string' },
    epochs: { type: 'string', default: '30' },
    pause: { type: 'string', default: '0' },
    seed: { type: 'string', default: '7' },
  },
})
const epochs = Number(given.epochs)
const seed = Number(given.seed)
const checkpoints = given.checkpoints ?? 'checkpoints'
const model = given.model ?? 'model'

const tracking = await trackingFromEnvironment(process.env)
const { examples, species } = readExamples(readFileSync(given.data ?? 'iris.csv', 'utf8'))
const found = latest(checkpoints)
let network = found?.network ?? freshNetwork(examples[0]?.features.length ?? 0, species.length, seed)
const first = (found?.epoch ?? 0) + 1

console.log(
  found === undefined
    ? 'no checkpoint: starting at epoch 1'
    : `found the checkpoint of epoch ${found.epoch}: going on at ${first}`,
)
await tracking.params({ epochs, seed, hidden: network.hidden.length })
await tracking.tags({ 'first.epoch': String(first) })

for (let epoch = first; epoch <= epochs; epoch++) {
  network = trainEpoch(network, examples, { seed, epoch })
  const { loss, accuracy } = evaluate(network, examples)
  await tracking.metrics(epoch, { loss, accuracy })
  write(checkpoints, 'checkpoint.json', { epoch, network } satisfies Checkpoint)
  console.log(`epoch ${epoch}/${epochs} loss ${loss.toFixed(4)} accuracy ${accuracy.toFixed(3)}`)
  await sleep(Number(given.pause))
}

write(model, 'model.json', { species, network })
await tracking.artifact(
  'report/summary.json',
  JSON.stringify({ epochs, species, ...evaluate(network, examples) }, undefined, 2),
)
console.log('done')

function latest(folder: string): Checkpoint | undefined {
  const path = join(folder, 'checkpoint.json')
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Checkpoint) : undefined
}

/** Writes beside and renames, so that a checkpoint is whole or absent. */
function write(folder: string, name: string, value: unknown): void {
  mkdirSync(folder, { recursive: true })
  const fresh = join(folder, `.${name}.tmp`)
  writeFileSync(fresh, JSON.stringify(value))
  renameSync(fresh, join(folder, name))
}
