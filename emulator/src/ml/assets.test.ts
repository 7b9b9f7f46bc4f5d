import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestRegion } from './test-region.ts'

const test = new TestRegion()
let workspace = ''
beforeAll(async () => {
  await test.open()
  workspace = await test.workspace('ws')
})
afterAll(() => test.end())

/** A smallest version of each kind, and a change of what is fixed in it. */
const KINDS = [
  { segment: 'codes', made: { codeUri: 'https://a/b' }, other: { codeUri: 'https://a/c' }, status: 400 },
  { segment: 'environments', made: { image: 'a:1' }, other: { image: 'a:2' }, status: 409 },
  {
    segment: 'data',
    made: { dataType: 'uri_file', dataUri: 'x' },
    other: { dataType: 'uri_file', dataUri: 'y' },
    status: 400,
  },
  { segment: 'models', made: { modelUri: 'x' }, other: { modelUri: 'y' }, status: 400 },
  { segment: 'components', made: { componentSpec: { a: 1 } }, other: { componentSpec: { a: 2 } }, status: 409 },
]

const put = (path: string, properties: object) => test.ask('PUT', `${workspace}/${path}`, { properties })
const names = async (path: string) => (await test.all(`${workspace}/${path}`)).map((one) => one.name)

describe.each(KINDS)('$segment', ({ segment, made, other, status }) => {
  it('make their container with the first version', async () => {
    const first = await put(`${segment}/auto/versions/3`, made)
    const container = await test.ask('GET', `${workspace}/${segment}/auto`)

    expect(first.status).toBe(201)
    expect(first.body).toMatchObject({
      id: `${workspace}/${segment}/auto/versions/3`,
      type: `Microsoft.MachineLearningServices/workspaces/${segment}/versions`,
      properties: { ...made, provisioningState: 'Succeeded', tags: {}, isArchived: false },
    })
    expect(container.body).toMatchObject({ properties: { latestVersion: '3', nextVersion: '4' } })
  })

  it('accept an equal version again, and changes of what may change', async () => {
    const path = `${segment}/equal/versions/1`
    await put(path, { ...made, unknown: { kept: true } })

    const equal = await put(path, made)
    const tagged = await put(path, { ...made, tags: { a: 'b' }, description: 'd' })

    expect([equal.status, tagged.status]).toEqual([200, 200])
    expect(tagged.body).toMatchObject({ properties: { tags: { a: 'b' }, description: 'd', unknown: { kept: true } } })
  })

  it('are what the first PUT made of them when it is sent again', async () => {
    const path = `${segment}/again/versions/1`
    const first = await put(path, made)

    const second = await put(path, made)

    expect(second.at('properties')).toEqual(first.at('properties'))
  })

  it('refuse a version with other content', async () => {
    const path = `${segment}/fixed/versions/1`
    await put(path, made)

    const changed = await put(path, other)
    const after = await test.ask('GET', `${workspace}/${path}`)

    expect(changed.status).toBe(status)
    expect(changed.at('error.code')).toBe('UserError')
    expect(after.body).toMatchObject({ properties: made })
  })

  it('refuse to make again a version that was deleted', async () => {
    const path = `${segment}/buried/versions/7`
    await put(path, made)

    const gone = await test.ask('DELETE', `${workspace}/${path}`)
    const twice = await test.ask('DELETE', `${workspace}/${path}`)
    const again = await put(path, made)
    const container = await test.ask('GET', `${workspace}/${segment}/buried`)

    expect([gone.status, twice.status]).toEqual([200, 204])
    expect(again.at('error.message')).toMatch(
      /^Asset .*buried\/versions\/7 was deleted at \d\d\/\d\d\/\d{4} \d\d:\d\d:\d\d \+00:00, it cannot be recreated\. Please try again with a different version\.$/,
    )
    expect(container.at('properties.nextVersion')).toBe('8')
  })

  it('say what is missing', async () => {
    const empty = await put(`${segment}/empty/versions/1`, {})
    const absent = await test.ask('GET', `${workspace}/${segment}/none/versions/1`)

    expect([empty.status, absent.status]).toEqual([400, 404])
  })

  it('are all listed, page by page', async () => {
    for (let version = 1; version <= 5; version++) await put(`${segment}/many/versions/${version}`, made)

    const oldest = await names(`${segment}/many/versions?$top=2&$orderBy=createdtime%20asc`)
    const newest = await names(`${segment}/many/versions?$top=2`)
    const containers = await names(`${segment}?count=2`)

    expect(oldest).toEqual(['1', '2', '3', '4', '5'])
    expect(newest).toEqual(['5', '4', '3', '2', '1'])
    expect(containers).toContain('many')
    expect(new Set(containers).size).toBe(containers.length)
  })
})

describe('assets', () => {
  it('leave out what is archived unless asked', async () => {
    await put('models/shelf/versions/1', { modelUri: 'x' })
    await put('models/shelf/versions/2', { modelUri: 'x', isArchived: true })
    const path = 'models/shelf/versions'

    const active = await names(path)
    const archived = await names(`${path}?listViewType=ArchivedOnly`)
    const all = await names(`${path}?listViewType=All`)

    expect([active, archived, all]).toEqual([['1'], ['2'], ['2', '1']])
  })

  it('hide the versions of an archived container', async () => {
    await put('data/attic/versions/1', { dataType: 'uri_file', dataUri: 'x' })
    await put('data/attic', { isArchived: true })

    const active = await names('data/attic/versions')
    const archived = await names('data/attic/versions?listViewType=ArchivedOnly')
    const containers = await names('data')

    expect([active, archived]).toEqual([[], ['1']])
    expect(containers).not.toContain('attic')
  })

  it('order by change', async () => {
    for (const version of ['1', '2']) await put(`models/touched/versions/${version}`, { modelUri: 'x' })
    test.region.clock.shift(60_000)
    await put('models/touched/versions/1', { modelUri: 'x', tags: { a: '1' } })

    expect(await names('models/touched/versions?$orderBy=modifiedtime%20desc')).toEqual(['1', '2'])
  })

  it('filter models by tags, properties and version', async () => {
    await put('models/sorted/versions/1', { modelUri: 'x', tags: { a: '1', b: '2' } })
    await put('models/sorted/versions/2', { modelUri: 'x', tags: { a: '2' }, properties: { p: 'q' } })
    const path = 'models/sorted/versions'

    expect(await names(`${path}?tags=a=1,b`)).toEqual(['1'])
    expect(await names(`${path}?properties=p=q`)).toEqual(['2'])
    expect(await names(`${path}?version=1`)).toEqual(['1'])
  })

  it('find code by its hash whatever its name', async () => {
    await put('codes/known/versions/1', {
      codeUri: 'https://a/b',
      properties: { hash_sha256: 'abc', hash_version: '202208' },
    })

    const found = await test.all(`${workspace}/codes/other/versions?hash=abc&hashVersion=202208`)
    const none = await test.all(`${workspace}/codes/other/versions?hash=abc&hashVersion=202207`)

    expect(found.map((one) => one.id)).toEqual([`${workspace}/codes/known/versions/1`])
    expect(none).toEqual([])
  })

  it('give a fresh container for code that is about to be uploaded', async () => {
    const ask = () =>
      test.ask('POST', `${workspace}/codes/new/versions/1/startPendingUpload`, {
        pendingUploadType: 'TemporaryBlobReference',
      })

    const [one, two] = [await ask(), await ask()]
    const uri = String(one.at('blobReferenceForConsumption.blobUri'))

    expect(uri).toMatch(/^https:\/\/teststore\.blob\.core\.windows\.net\/[0-9a-f-]{36}$/)
    expect(one.at('blobReferenceForConsumption.credential.sasUri')).toContain(`${uri}?sv=`)
    expect(two.at('blobReferenceForConsumption.blobUri')).not.toBe(uri)
    expect(test.region.blobs.accounts.container('teststore', uri.split('/').at(-1) ?? '')).toBeDefined()
  })

  it('add entries to the properties of a version and replace none', async () => {
    await put('models/props/versions/1', { modelUri: 'x', properties: { a: '1' } })

    const added = await put('models/props/versions/1', { modelUri: 'x', properties: { b: '2' } })
    const replaced = await put('models/props/versions/1', { modelUri: 'x', properties: { a: '2' } })

    expect(added.at('properties.properties')).toEqual({ a: '1', b: '2' })
    expect(replaced.at('error.message')).toContain('without increasing the version')
  })

  it('keep the place of a list that is read while things come and go', async () => {
    for (let version = 1; version <= 6; version++) await put(`models/moving/versions/${version}`, { modelUri: 'x' })
    const path = `${workspace}/models/moving/versions?$top=3&$orderBy=createdtime%20asc`

    const first = await test.ask('GET', path)
    await test.ask('DELETE', `${workspace}/models/moving/versions/3`)
    await put('models/moving/versions/7', { modelUri: 'x' })
    await test.reopen()
    const rest = await test.all(String(first.at('nextLink')))

    expect(rest.map((one) => one.name)).toEqual(['4', '5', '6', '7'])
  })

  it('go with their container, whose numbers are not used again', async () => {
    await put('models/whole/versions/4', { modelUri: 'x' })

    await test.ask('DELETE', `${workspace}/models/whole`)
    const version = await test.ask('GET', `${workspace}/models/whole/versions/4`)
    await put('models/whole', {})
    const container = await test.ask('GET', `${workspace}/models/whole`)

    expect(version.status).toBe(404)
    expect(container.body).toMatchObject({ properties: { latestVersion: null, nextVersion: '5' } })
  })

  it('honour conditions on the ETag', async () => {
    const made = await put('models/tagged/versions/1', { modelUri: 'x' })
    const path = `${workspace}/models/tagged/versions/1`
    const body = { properties: { modelUri: 'x', tags: { a: '1' } } }
    const etag = String(made.headers['etag'])

    const absent = await test.ask('PUT', path, body, { headers: { 'if-none-match': '*' } })
    const other = await test.ask('PUT', path, body, { headers: { 'if-match': '"other"' } })
    const same = await test.ask('PUT', path, body, { headers: { 'if-match': etag } })

    expect([absent.status, other.status, same.status]).toEqual([412, 412, 200])
    expect(same.headers['etag']).not.toBe(etag)
  })
})

it('names the Dockerfile of a build context that does not, and takes the same context again', async () => {
  const path = `${workspace}/environments/built/versions/1`
  const body = { properties: { build: { contextUri: 'https://a.blob.core.windows.net/c/x/' } } }

  const made = await test.ask('PUT', path, body)
  const again = await test.ask('PUT', path, body)

  expect([made.status, again.status]).toEqual([201, 200])
  expect(again.at('properties.build.dockerfilePath')).toBe('Dockerfile')
})

it('gives the newest version of a component to a client that names none', async () => {
  for (const version of ['1', '2'])
    await put(`components/newest/versions/${version}`, { componentSpec: { a: version } })

  const newest = await test.ask('GET', `${workspace}/components/newest/versions/azureml_default`)
  const absent = await test.ask('GET', `${workspace}/components/nobody/versions/azureml_default`)

  const componentSpec = { a: '2', name: 'newest', version: '2' }
  expect(newest.body).toMatchObject({ name: '2', properties: { componentSpec } })
  expect(absent.status).toBe(404)
})
