import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect as dial } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as secure } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLIENT_ID, SUBSCRIPTION, TENANT } from '../src/tokens.ts'
import { type AzureClient, azureClient, failureOf } from './azure-client.ts'
import { isAlive, type RunningEmulator, runEmulator, until } from './run-emulator.ts'

const run = promisify(execFile)
const VAULT = 'Microsoft.KeyVault/vaults'

let emulator: RunningEmulator
let client: AzureClient

beforeAll(async () => {
  emulator = await runEmulator()
  client = azureClient(emulator, 'tester')
  for (const [group, location] of [
    ['east', 'East US 2'],
    ['central', 'centralus'],
  ]) {
    await client.arm('PUT', `/resourceGroups/${group}`, { location, tags: { team: 'churn' } })
  }
})

afterAll(async () => {
  await client.close()
  await emulator.end()
})

function vault(group: string, name: string): string {
  return `/resourceGroups/${group}/providers/${VAULT}/${name}`
}

describe('sign-in', () => {
  it('gives tokens to @azure/identity and ARM’s answers to its pipeline, with nothing but environment variables', async () => {
    const environment = (await emulator.control('GET', 'env?client=vendor')) as Record<string, string>
    const script = `
      import { EnvironmentCredential } from '@azure/identity'
      import { bearerTokenAuthenticationPolicy, createDefaultHttpClient, createPipelineFromOptions, createPipelineRequest } from '@azure/core-rest-pipeline'
      const pipeline = createPipelineFromOptions({})
      const scopes = 'https://management.azure.com/.default'
      pipeline.addPolicy(bearerTokenAuthenticationPolicy({ credential: new EnvironmentCredential(), scopes }))
      const url = 'https://management.azure.com/subscriptions?api-version=2022-12-01'
      const answer = await pipeline.sendRequest(createDefaultHttpClient(), createPipelineRequest({ url }))
      process.stdout.write(answer.bodyAsText)`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { env: environment })
    expect(JSON.parse(stdout).value).toMatchObject([{ subscriptionId: SUBSCRIPTION, tenantId: TENANT }])
  })

  it('refuses a wrong secret and an unknown application with Entra’s own codes', async () => {
    const url = `https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/token`
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const form = (id: string) =>
      `grant_type=client_credentials&client_id=${id}&client_secret=no&scope=https%3A%2F%2Fml.azure.com%2F.default`
    const wrong = await client.send('POST', url, { headers, body: form(CLIENT_ID) })
    const unknown = await client.send('POST', url, { headers, body: form('nobody') })
    expect(wrong).toMatchObject({ status: 401, body: { error: 'invalid_client', error_codes: [7000215] } })
    expect(unknown).toMatchObject({ status: 400, body: { error: 'unauthorized_client', error_codes: [700016] } })
    const authorization = `Basic ${Buffer.from('50%:off').toString('base64')}`
    const basic = await client.send('POST', url, { headers: { ...headers, authorization }, body: form('') })
    expect(basic).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  it('refuses ARM to a caller without a token', async () => {
    const answer = await client.send('GET', 'https://management.azure.com/subscriptions?api-version=2022-12-01')
    expect(answer).toMatchObject({ status: 401, body: { error: { code: 'AuthenticationFailed' } } })
  })
})

describe('proxy', () => {
  it('refuses a foreign host with a sentence that names it', async () => {
    const { stderr, stdout } = await run('curl', ['-sv', '-x', emulator.proxy('x'), 'https://example.com/']).catch(
      (failure: { stderr: string; stdout: string }) => failure,
    )
    expect(stderr).toContain('403 Forbidden')
    expect(stdout).toBe('')
  })

  it.each(['eastus2.api.azureml.ms', 'login.microsoftonline.com'])(
    'loses nothing of a client that goes on to %s without waiting for the answer to its CONNECT',
    async (host) => {
      const socket = dial(emulator.port, '127.0.0.1')
      socket.write(`CONNECT ${host}:443 HTTP/1.1\r\nhost: ${host}:443\r\n\r\n`)
      const tunnel = new Duplex({
        read: () => undefined,
        write: (chunk, _encoding, done) => void socket.write(chunk, done),
      })
      let head = ''
      socket.on('data', (chunk: Buffer) => {
        if (head.endsWith('\r\n\r\n')) tunnel.push(chunk)
        else {
          const end = chunk.indexOf('\r\n\r\n') + 4
          head += chunk.toString('latin1', 0, end)
          if (end < chunk.length) tunnel.push(chunk.subarray(end))
        }
      })
      const client = secure({ socket: tunnel, servername: host, ca: emulator.ca })
      client.write(`GET /nothing HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
      const [answer] = (await once(client, 'data')) as [Buffer]
      expect(head).toContain('200 Connection Established')
      expect(answer.toString('latin1')).toMatch(/^HTTP\/1.1 4\d\d /)
      socket.destroy()
    },
  )

  it('forwards no plain HTTP either', async () => {
    const { stdout } = await run('curl', ['-s', '-x', emulator.proxy('x'), 'http://169.254.169.254/metadata/identity'])
    expect(stdout).toContain('169.254.169.254')
  })

  it('answers the control API to nobody who calls it by another name or from a web page', async () => {
    const url = `http://127.0.0.1:${emulator.port}/emulator/status`
    const { stdout } = await run('curl', ['-s', '-H', 'Host: rebound.example', url])
    expect(JSON.parse(stdout).error).toContain('rebound.example')
    const page = await run('curl', ['-s', '-H', 'Origin: https://rebound.example', url])
    expect(JSON.parse(page.stdout).error).toContain('only to programs of this machine')
  })
})

describe('ARM', () => {
  it('creates, changes, lists and reads resource groups', async () => {
    const created = await client.arm('PUT', '/resourceGroups/extra', { location: 'eastus2' })
    const changed = await client.arm('PATCH', '/resourceGroups/Extra', { tags: { a: 'b' } })
    const listed = await client.arm('GET', `/resourcegroups?$filter=${encodeURIComponent("tagName eq 'team'")}`)
    const head = await client.arm('HEAD', '/resourceGroups/extra')
    const missing = await client.arm('GET', '/resourceGroups/none')
    expect(created).toMatchObject({ status: 201, body: { location: 'eastus2' } })
    expect(changed).toMatchObject({ status: 200, body: { name: 'extra', tags: { a: 'b' } } })
    expect((listed.body['value'] as { name: string }[]).map((one) => one.name)).toEqual(['east', 'central'])
    expect(head.status).toBe(204)
    expect(missing).toMatchObject({ status: 404, body: { error: { code: 'ResourceGroupNotFound' } } })
  })

  it('sends each resource to the region of its location and lists over all of them', async () => {
    const east = await client.arm('PUT', vault('east', 'vaulteast'), {
      location: 'East US 2',
      tags: { team: 'churn' },
      properties: { sku: { name: 'standard' } },
    })
    const central = await client.arm('PUT', vault('central', 'vaultcentral'), { location: 'centralus' })
    const all = await client.arm('GET', `/providers/${VAULT}`)
    const filter = encodeURIComponent(`resourceType eq '${VAULT}' and name eq 'vaulteast'`)
    const found = await client.arm('GET', `/resources?$filter=${filter}`)
    expect(east).toMatchObject({
      status: 201,
      body: { properties: { vaultUri: 'https://vaulteast.vault.azure.net/', provisioningState: 'Succeeded' } },
    })
    expect(central.status).toBe(201)
    expect((all.body['value'] as { name: string }[]).map((one) => one.name).sort()).toEqual([
      'vaultcentral',
      'vaulteast',
    ])
    expect(found.body['value']).toMatchObject([{ name: 'vaulteast', tags: { team: 'churn' } }])
    const log = await emulator.control('GET', 'activity/centralus')
    expect(log['lines']).toMatchObject([{ client: 'tester', method: 'PUT', subject: central.body['id'] }])
  })

  it.each([
    ['GET', '/providers/Microsoft.Storage/skus'],
    ['GET', '/providers/Microsoft.Storage/deletedAccounts'],
    ['GET', '/providers/Microsoft.KeyVault/deletedVaults'],
    ['GET', '/providers/Microsoft.MachineLearningServices/workspaceSkus'],
    ['GET', '/resourceGroups/east/providers/Some.Provider/things'],
    ['GET', '/providers/Microsoft.Resources/resourceGroups'],
    ['POST', '/providers/Microsoft.Storage/unregister'],
    ['POST', '/providers/Microsoft.CognitiveServices/checkDomainAvailability'],
    ['POST', '/resourceGroups/east/moveResources'],
    ['PUT', '/tagNames/x'],
  ])('names what it does not do: %s %s', async (method, path) => {
    const answer = await client.arm(method, path, method === 'GET' ? undefined : {})
    expect(answer).toMatchObject({ status: 501, body: { error: { code: 'NotImplemented' } } })
  })

  it('lists what it keeps of a type, also of one that it knows nothing of', async () => {
    const things = '/resourceGroups/east/providers/Some.Provider/others'
    await client.arm('PUT', `${things}/one`, { location: 'centralus' })
    const listed = await client.arm('GET', things)
    const empty = await client.arm('GET', '/resourceGroups/east/providers/Microsoft.Storage/storageAccounts')
    expect(listed).toMatchObject({ status: 200, body: { value: [{ name: 'one' }] } })
    expect(empty).toMatchObject({ status: 200, body: { value: [] } })
    expect((await client.arm('PUT', things, {})).status).toBe(405)
  })

  it('keeps a name, a location and a missing parent as Azure does', async () => {
    await client.arm('PUT', vault('east', 'taken'), { location: 'eastus2' })
    const elsewhere = await client.arm('PUT', vault('east', 'taken'), { location: 'centralus' })
    const twice = await client.arm('PUT', vault('central', 'taken'), { location: 'centralus' })
    const nowhere = await client.arm('PUT', vault('east', 'lost'), { location: 'westus' })
    const orphan = await client.arm('PUT', `${vault('east', 'none')}/accessPolicies/add`, {})
    expect(elsewhere).toMatchObject({ status: 409, body: { error: { code: 'InvalidResourceLocation' } } })
    expect(twice).toMatchObject({ status: 409, body: { error: { code: 'VaultAlreadyExists' } } })
    expect(nowhere).toMatchObject({ status: 400, body: { error: { code: 'LocationNotAvailableForResourceType' } } })
    expect(orphan).toMatchObject({ status: 404, body: { error: { code: 'ParentResourceNotFound' } } })
    expect((await client.arm('DELETE', vault('east', 'taken'))).status).toBe(200)
    expect((await client.arm('PUT', vault('central', 'taken'), { location: 'centralus' })).status).toBe(201)
  })

  it('removes a group with everything inside', async () => {
    await client.arm('PUT', '/resourceGroups/gone', { location: 'eastus2' })
    await client.arm('PUT', vault('gone', 'inside1'), { location: 'eastus2' })
    await client.arm('PUT', vault('gone', 'inside2'), { location: 'centralus' })
    // Names of some services hold more than a URL does.
    const named = `/resourceGroups/gone/providers/Microsoft.Insights/components/${encodeURIComponent('Größe der Welt')}`
    expect((await client.arm('PUT', named, { location: 'centralus' })).status).toBe(201)
    const accepted = await client.arm('DELETE', '/resourceGroups/gone')
    const place = String(accepted.headers['location'])
    const headers = { authorization: `Bearer ${await client.signIn()}` }
    expect(accepted.status).toBe(202)
    await until('the group is removed', async () => (await client.send('GET', place, { headers })).status === 200)
    expect((await client.arm('GET', '/resourceGroups/gone')).status).toBe(404)
    expect((await client.arm('PUT', vault('central', 'inside1'), { location: 'centralus' })).status).toBe(201)
  })

  it('keeps role assignments at any scope and refuses the same one twice', async () => {
    const role = `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7`
    const properties = { principalId: 'p-1', roleDefinitionId: role }
    const at = (name: string) =>
      `${vault('east', 'vaulteast')}/providers/Microsoft.Authorization/roleAssignments/${name}`
    const made = await client.arm('PUT', at('a-1'), { properties })
    const again = await client.arm('PUT', at('a-2'), { properties })
    const listed = await client.arm('GET', '/resourceGroups/east/providers/Microsoft.Authorization/roleAssignments')
    expect(made.status).toBe(201)
    expect(again).toMatchObject({ status: 409, body: { error: { code: 'RoleAssignmentExists' } } })
    expect(listed.body['value']).toMatchObject([{ name: 'a-1', properties: { principalId: 'p-1' } }])
    const described = await client.arm('PUT', at('a-1'), { properties: { ...properties, description: 'reads' } })
    const { createdOn } = made.body['properties'] as Record<string, unknown>
    expect(described).toMatchObject({ status: 200, body: { properties: { description: 'reads', createdOn } } })
    expect(await client.arm('PUT', at('a-1'), { properties: { ...properties, principalId: 'p-2' } })).toMatchObject({
      status: 400,
      body: { error: { code: 'RoleAssignmentUpdateNotPermitted' } },
    })
  })

  it('removes role assignments with the group and the resource that they were made for', async () => {
    const assignments = '/providers/Microsoft.Authorization/roleAssignments'
    const properties = { principalId: 'p-3', roleDefinitionId: 'acdd72a7-3385-48ef-bd42-f606fba81ae7' }
    const assign = async (scope: string) => {
      return (await client.arm('PUT', `${scope}${assignments}/a-3`, { properties })).status
    }
    await client.arm('PUT', '/resourceGroups/brief', { location: 'eastus2' })
    const scopes = [vault('brief', 'brief1'), vault('brief', 'brief2'), '/resourceGroups/brief']
    for (const scope of scopes.slice(0, 2)) await client.arm('PUT', scope, { location: 'eastus2' })
    for (const scope of [...scopes, '/resourceGroups/briefly']) expect(await assign(scope)).toBe(201)
    const left = async () => {
      const { body } = await client.arm('GET', assignments)
      const ids = (body['value'] as { id: string }[]).map(({ id }) => id)
      return ids.filter((id) => id.endsWith('/a-3')).map((id) => id.split('/').at(-5))
    }
    await client.arm('DELETE', vault('brief', 'brief1'))
    expect(await left()).toEqual(['brief2', 'brief', 'briefly'])
    await client.arm('DELETE', '/resourceGroups/brief')
    await until('the group is gone', async () => (await client.arm('GET', '/resourceGroups/brief')).status === 404)
    expect(await left()).toEqual(['briefly'])
  })
})

describe('processes', () => {
  it('keeps what a region acknowledged when the region is killed and started again', async () => {
    await client.arm('PUT', vault('east', 'kept'), { location: 'eastus2' })
    await emulator.control('POST', 'regions/eastus2/kill')
    const dead = await client.arm('GET', vault('east', 'kept'))
    const list = await client.arm('GET', `/providers/${VAULT}`)
    const reset = await failureOf(client.send('GET', 'https://eastus2.api.azureml.ms/discovery'))
    const record = await emulator.control('GET', 'activity/eastus2?limit=5000')
    expect(dead).toMatchObject({ status: 503, body: { error: { code: 'ServiceUnavailable' } } })
    expect(list.status).toBe(503)
    expect(reset).toBe('ECONNRESET')
    expect((record['lines'] as { subject: string }[]).some((line) => line.subject.endsWith('/kept'))).toBe(true)
    // Whoever asks for its start finds it there, also the second one.
    const found = [1, 2].map(async () => {
      await emulator.control('POST', 'regions/eastus2/start')
      return (await client.arm('GET', vault('east', 'kept'))).status
    })
    expect(await Promise.all(found)).toEqual([200, 200])
    expect((await client.send('GET', 'https://eastus2.api.azureml.ms/discovery')).status).toBe(200)
  })

  it('refuses changes in a group whose home region is away, even to resources elsewhere', async () => {
    await client.arm('PUT', vault('east', 'abroad'), { location: 'centralus' })
    await emulator.control('POST', 'regions/eastus2/stop')
    expect((await client.arm('GET', vault('east', 'abroad'))).status).toBe(200)
    expect((await client.arm('DELETE', vault('east', 'abroad'))).status).toBe(503)
    await emulator.control('POST', 'regions/eastus2/start')
    expect((await client.arm('DELETE', vault('east', 'abroad'))).status).toBe(200)
  })

  it('moves the clock everywhere and keeps it over a restart of a region', async () => {
    await emulator.control('POST', 'clock', { shiftMilliseconds: 86_400_000 })
    await emulator.control('POST', 'regions/centralus/kill')
    await emulator.control('POST', 'regions/centralus/start')
    const made = await client.arm('PUT', vault('central', 'tomorrow'), { location: 'centralus' })
    await emulator.control('POST', 'clock', { shiftMilliseconds: 0 })
    const { createdAt } = made.body['systemData'] as { createdAt: string }
    expect(Date.parse(createdAt)).toBeGreaterThan(Date.now() + 80_000_000)
  })

  it('lets nothing outlive the main process, and lets one main use a folder at a time', async () => {
    const first = await runEmulator({ regions: 'westus' })
    await expect(runEmulator({ dir: first.dir, regions: 'westus' })).rejects.toThrow('ended with 1')
    const region = (await first.pidOf('westus')) ?? 0
    expect(isAlive(region)).toBe(true)
    first.process.kill('SIGKILL')
    await until('the region has ended', () => !isAlive(region))
    const second = await runEmulator({ dir: first.dir, regions: 'westus' })
    await second.end()
  }, 60_000)
})
