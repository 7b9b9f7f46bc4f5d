import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Offer } from './call.ts'
import { GROUP_ID, TestRegion } from './ml/test-region.ts'

const test = new TestRegion()
let workspace = ''
beforeAll(async () => {
  await test.open()
  workspace = await test.workspace('ws')
})
afterAll(() => test.end())

const DATA_PLANES = {
  history: ({ path }: Offer) => path,
  mlflow: ({ path }: Offer) => `/mlflow/v2.0${workspace}${path}`,
}

describe('what a plane says it answers', () => {
  it.each(Object.entries(DATA_PLANES))('is what requests find: %s', async (name, pathOf) => {
    const offers = test.region.planes.find((plane) => plane.name === name)?.offers ?? []
    const values: Readonly<Record<string, string>> = { s: GROUP_ID.split('/')[2] ?? '', g: 'rg', w: 'ws' }
    const wrong: string[] = []
    for (const offer of offers) {
      const path = pathOf(offer)
        .replaceAll('::', '\0')
        .replaceAll(/:(\w+)/g, (_, parameter: string) => values[parameter] ?? 'x')
        .replaceAll('\0', ':')
        .replace('*', 'x')
      const body = /^(?:GET|DELETE)$/.test(offer.method) ? undefined : {}
      const { status, body: said } = await test.ask(offer.method, path, body, { host: 'eastus2.api.azureml.ms' })
      const missing = /Nothing answers|No endpoint found/.test(JSON.stringify(said ?? ''))
      if (missing || status === 500 || (status === 501) === offer.served) wrong.push(`${status} ${offer.operation}`)
    }

    expect(offers.length).toBeGreaterThan(20)
    expect(wrong).toEqual([])
  })
})
