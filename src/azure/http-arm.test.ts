import { describe, expect, it } from 'vitest'
import { fakeExchange, type Prepared } from '../../test/support/fake-exchange.ts'
import { Fault } from '../core/errors.ts'
import type { JsonObject } from '../core/model.ts'
import { httpArm } from './http-arm.ts'

const ROOT = 'https://management.azure.com'
const options = { signal: AbortSignal.timeout(10_000), apiVersion: '2025-12-01' }

function armOf(...answers: readonly Prepared[]) {
  const fake = fakeExchange(...answers)
  const waits: number[] = []
  const arm = httpArm(fake.exchange, { pause: async (milliseconds) => void waits.push(milliseconds) })
  return { arm, waits, urls: () => fake.asked.map(({ method, url }) => `${method} ${url.replace(ROOT, '')}`) }
}

async function all(items: AsyncIterable<JsonObject>): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const item of items) found.push(item['id'])
  return found
}

const refused = (code: string) => expect.objectContaining({ code })

describe('a reading', () => {
  it('gives undefined for what is not there', async () => {
    const { arm, urls } = armOf({ status: 404, body: { error: { code: 'ResourceNotFound' } } })
    expect(await arm.get('/subscriptions/s/x y', options)).toBeUndefined()
    expect(urls()).toEqual(['GET /subscriptions/s/x%20y?api-version=2025-12-01'])
  })

  it('tells refusals apart by what one can do about them', async () => {
    for (const [status, vendorCode, code] of [
      [401, 'ExpiredAuthenticationToken', 'azure/denied'],
      [403, 'AuthorizationFailed', 'azure/denied'],
      [400, 'UserError', 'azure/refused'],
      [409, 'AnotherOperationInProgress', 'azure/changed'],
      [409, 'Conflict', 'azure/refused'],
      [412, 'PreconditionFailed', 'azure/changed'],
      [429, 'TooManyRequests', 'azure/throttled'],
      [501, 'NotImplemented', 'azure/refused'],
      [503, 'ServiceUnavailable', 'azure/unreachable'],
    ] as const) {
      const { arm } = armOf({ status, body: { error: { code: vendorCode, message: 'No.' } } })
      await expect(arm.get('/x', options)).rejects.toMatchObject({ code, facts: { status, vendorCode } })
    }
  })

  it('says what was refused, by which code, and no secret', async () => {
    const message = 'The URL https://a.blob.core.windows.net/c?sv=1&sig=TOPSECRET%3D cannot be read.'
    const { arm } = armOf({ status: 400, body: { error: { code: 'UserError', message } } })
    const path =
      '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/gpu'
    const thrown = await arm.get(path, options).catch((fault: Fault) => fault)
    expect(String((thrown as Fault).message)).toBe(
      'GET computes/gpu was refused (400 UserError): The URL https://a.blob.core.windows.net/c?sv=1&sig=*** cannot be read.',
    )
  })
})

describe('a list', () => {
  const page = (ids: readonly string[], nextLink?: string): Prepared => ({
    body: { value: ids.map((id) => ({ id })), ...(nextLink === undefined ? {} : { nextLink }) },
  })

  it('goes to its last page, and through empty ones', async () => {
    const { arm } = armOf(page(['a', 'b'], `${ROOT}/x?$skip=1`), page([], `${ROOT}/x?$skip=2`), page(['c'], ''))
    expect(await all(arm.pages('/x', options))).toEqual(['a', 'b', 'c'])
  })

  it('is incomplete where a page cannot be had', async () => {
    const gone = new Fault('azure/unreachable', 'GET /x did not answer')
    for (const last of [gone, { status: 503 }, { status: 429 }, { body: {} }, { body: { value: null } }]) {
      const { arm } = armOf(page(['a'], `${ROOT}/x?$skip=1`), last)
      await expect(all(arm.pages('/x', options))).rejects.toEqual(refused('observe/incomplete'))
    }
  })

  it('is incomplete where a page comes twice, by its link or by what is in it', async () => {
    const circle = armOf(page(['a'], `${ROOT}/x?$skip=1`), page(['b'], `${ROOT}/x?$skip=1`))
    await expect(all(circle.arm.pages('/x', options))).rejects.toEqual(refused('observe/incomplete'))
    const twice = armOf(page(['a', 'b'], `${ROOT}/x?$skip=1`), page(['A', 'B'], `${ROOT}/x?$skip=2`))
    await expect(all(twice.arm.pages('/x', options))).rejects.toEqual(refused('observe/incomplete'))
  })

  it('tells an item once that moved to a later page meanwhile', async () => {
    const { arm } = armOf(page(['a', 'b'], `${ROOT}/x?$skip=1`), page(['b', 'c']))
    expect(await all(arm.pages('/x', options))).toEqual(['a', 'b', 'c'])
  })

  it('sends its token to no other host', async () => {
    const { arm, urls } = armOf(page(['a'], 'https://elsewhere.example/x'))
    await expect(all(arm.pages('/x', options))).rejects.toEqual(refused('observe/incomplete'))
    expect(urls()).toHaveLength(1)
  })

  it('says that it is denied, rather than incomplete', async () => {
    const { arm } = armOf({ status: 403 })
    await expect(all(arm.pages('/x', options))).rejects.toEqual(refused('azure/denied'))
  })
})

describe('a change', () => {
  const status = `${ROOT}/subscriptions/s/operations/1?api-version=1`

  it('follows Azure-AsyncOperation to its end and reads the resource', async () => {
    const { arm, urls, waits } = armOf(
      {
        status: 201,
        headers: { 'azure-asyncoperation': status },
        body: { properties: { provisioningState: 'Creating' } },
      },
      { body: { status: 'InProgress' } },
      { body: { status: 'Succeeded' } },
      { body: { name: 'gpu' } },
    )
    expect(await arm.put('/x', {}, options)).toEqual({ name: 'gpu' })
    expect(urls().map((line) => line.split('?')[0])).toEqual([
      'PUT /x',
      'GET /subscriptions/s/operations/1',
      'GET /subscriptions/s/operations/1',
      'GET /x',
    ])
    expect(waits).toEqual([50, 100])
  })

  it('polls quickly at first and then as Azure says', async () => {
    const running: Prepared = { body: { status: 'Running' }, headers: { 'retry-after': '10' } }
    const begun: Prepared = { status: 202, headers: { 'azure-asyncoperation': status } }
    const { arm, waits } = armOf(begun, running, running, running, running, running, { body: { status: 'Succeeded' } })
    await arm.post('/x/restart', undefined, options)
    expect(waits).toEqual([50, 100, 200, 400, 10_000, 10_000])
  })

  it('says why an operation failed', async () => {
    const error = { code: 'QuotaExceeded', message: 'No cores are left.' }
    const { arm } = armOf(
      { status: 201, headers: { 'azure-asyncoperation': status } },
      { body: { status: 'Failed', error } },
    )
    await expect(arm.put('/x', {}, options)).rejects.toMatchObject({
      code: 'azure/refused',
      facts: { vendorCode: 'QuotaExceeded' },
      message: expect.stringContaining('No cores are left.'),
    })
  })

  it('follows Location where there is no status, and the state of the resource where there is neither', async () => {
    const located = armOf({ status: 202, headers: { location: `${ROOT}/results/1` } }, { status: 202 }, { status: 204 })
    await located.arm.delete('/x', options)
    expect(located.urls()).toEqual(['DELETE /x?api-version=2025-12-01', 'GET /results/1', 'GET /results/1'])
    const staged = armOf(
      { status: 201, body: { properties: { provisioningState: 'Creating' } } },
      { body: { properties: { provisioningState: 'Succeeded' }, name: 'x' } },
    )
    expect((await staged.arm.put('/x', {}, options))['name']).toBe('x')
  })

  it('follows no header to another host', async () => {
    const { arm, urls } = armOf({ status: 201, headers: { 'azure-asyncoperation': 'https://elsewhere.example/1' } })
    await expect(arm.put('/x', {}, options)).rejects.toEqual(refused('azure/refused'))
    expect(urls()).toHaveLength(1)
  })

  it('takes the removal of what is gone for success', async () => {
    for (const code of [204, 404]) await armOf({ status: code }).arm.delete('/x', options)
  })

  it('sends conditions and the query of its path', async () => {
    const fake = fakeExchange({ body: { a: 1 } })
    await httpArm(fake.exchange).put('/x?skipValidation=true', { a: 1 }, { ...options, ifMatch: '"1"' })
    expect(fake.asked[0]?.headers).toEqual({ 'if-match': '"1"' })
    expect(fake.asked[0]?.url).toBe(`${ROOT}/x?skipValidation=true&api-version=2025-12-01`)
  })
})
