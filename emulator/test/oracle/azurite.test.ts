import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BlobServiceClient, type IHttpClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openCertificates } from '../../src/certificates.ts'
import { type Azurite, runAzurite } from '../peers/azurite.ts'
import { type Bench, dialling, openBench, urlOf } from '../storage-client.ts'
import { type Difference, differencesOf, judged } from './compare.ts'
import { DECLARED } from './declared.ts'
import { Recorder } from './exchange.ts'
import type { Place } from './step.ts'
import { ACCESS_STEPS } from './steps-access.ts'
import { BLOCK_STEPS } from './steps-blocks.ts'
import { CONTAINER_STEPS } from './steps-containers.ts'
import { MORE_STEPS } from './steps-more.ts'
import { PROPERTY_STEPS } from './steps-properties.ts'

const STEPS = [...CONTAINER_STEPS, ...BLOCK_STEPS, ...PROPERTY_STEPS, ...MORE_STEPS, ...ACCESS_STEPS]

let dir: string
let bench: Bench
let azurite: Azurite
let token: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oracle-'))
  bench = await openBench()
  const certificates = await openCertificates(dir)
  const identity = await certificates.pemFor(new URL(urlOf(bench.account)).host)
  azurite = await runAzurite({ account: bench.account, key: bench.key, identity })
  const audience = 'https://storage.azure.com'
  token = await bench.region.tokens.issue({ subject: 'someone', audience, lifetimeSeconds: 3600 })
}, 180_000)

afterAll(async () => {
  await azurite?.end()
  await bench?.close()
  await rm(dir, { recursive: true, force: true })
})

function placeAt(recorder: Recorder): Place {
  const { account, key } = bench
  const options = { httpClient: recorder, retryOptions: { maxTries: 1 } }
  const credential = new StorageSharedKeyCredential(account, key)
  const getToken = async () => ({ token, expiresOnTimestamp: Date.now() + 3600_000 })
  const service = new BlobServiceClient(urlOf(account), credential, options)
  const signedIn = new BlobServiceClient(urlOf(account), { getToken }, options)
  return { account, credential, options, service, signedIn }
}

test('answers as Azurite does, but for what is declared with its reason', async () => {
  const ca = readFileSync(join(dir, 'ca.pem'), 'utf8')
  const clients: readonly IHttpClient[] = [bench.dial, dialling(azurite.port, ca)]
  const recorders = clients.map((client) => new Recorder(client))
  const [here, there] = recorders
  if (here === undefined || there === undefined) throw new Error('there are two sides')
  const found: Difference[] = []
  let compared = 0
  for (const [name, run] of STEPS) {
    for (const recorder of recorders) await run(placeAt(recorder))
    const [mine, theirs] = [here.taken(), there.taken()]
    compared += mine.length
    found.push(...differencesOf(name, mine, theirs))
  }
  expect(compared).toBeGreaterThan(500)
  expect(judged(found, DECLARED)).toEqual({ undeclared: [], gone: [] })
}, 300_000)
