import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestRegion } from './test-region.ts'

const test = new TestRegion()
let workspace = ''
beforeAll(async () => {
  await test.open()
  workspace = await test.workspace('ws')
})
afterAll(() => test.end())

const KEY = Buffer.alloc(64, 7).toString('base64')

function blobStore(secrets?: object): object {
  const credentials = { credentialsType: 'AccountKey', ...(secrets === undefined ? {} : { secrets }) }
  return {
    properties: { datastoreType: 'AzureBlob', accountName: 'elsewhere', containerName: 'data', credentials },
  }
}

describe('datastores', () => {
  it('never show their secret in a GET', async () => {
    const path = `${workspace}/datastores/keyed`

    const made = await test.ask('PUT', path, blobStore({ secretsType: 'AccountKey', key: KEY }))
    const read = await test.ask('GET', path)
    const listed = await test.ask('GET', `${workspace}/datastores`)

    expect(made.status).toBe(201)
    expect(read.body).toMatchObject({
      properties: { credentials: { credentialsType: 'AccountKey' }, isDefault: false },
    })
    expect(JSON.stringify([made.body, read.body, listed.body])).not.toContain(KEY)
  })

  it('give a SAS of the container to who asks for a secret that expires, else the key', async () => {
    const path = `${workspace}/datastores/secret`
    await test.ask('PUT', path, blobStore({ secretsType: 'AccountKey', key: KEY }))

    const sas = await test.ask('POST', `${path}/listSecrets`, { expirableSecret: true, expireAfterHours: 1 })
    const key = await test.ask('POST', `${path}/listsecrets`, {})

    expect(sas.body).toMatchObject({ secretsType: 'Sas', sasToken: expect.stringContaining('sr=c') })
    expect(key.body).toEqual({ secretsType: 'AccountKey', key: KEY })
  })

  it('sign with the key of the account where the workspace made them', async () => {
    const path = `${workspace}/datastores/workspaceblobstore`
    const sas = await test.ask('POST', `${path}/listSecrets`, { expirableSecret: true })
    const key = await test.ask('POST', `${path}/listSecrets`, {})

    expect(sas.at('secretsType')).toBe('Sas')
    expect(key.at('key')).toBe(test.region.blobs.account('teststore')?.keys[0])
  })

  it('give the key of the artifact store in any case, since azure-ai-ml signs URLs of logs with it', async () => {
    const path = `${workspace}/datastores/workspaceartifactstore/listSecrets`
    const key = await test.ask('POST', path, { expirableSecret: true, expireAfterHours: 1 })

    expect(key.body).toEqual({ secretsType: 'AccountKey', key: test.region.blobs.account('teststore')?.keys[0] })
  })

  it('keep their secret when written again without one', async () => {
    const path = `${workspace}/datastores/kept`
    await test.ask('PUT', path, blobStore({ secretsType: 'AccountKey', key: KEY }))

    await test.ask('PUT', path, blobStore())
    const key = await test.ask('POST', `${path}/listSecrets`, {})

    expect(key.at('key')).toBe(KEY)
  })

  it('refuse a key that is not the account’s, unless told not to look', async () => {
    const wrong = {
      properties: {
        datastoreType: 'AzureBlob',
        accountName: 'teststore',
        containerName: 'azureml',
        credentials: { credentialsType: 'AccountKey', secrets: { secretsType: 'AccountKey', key: KEY } },
      },
    }

    const looked = await test.ask('PUT', `${workspace}/datastores/wrong`, wrong)
    const unseen = await test.ask('PUT', `${workspace}/datastores/wrong?skipValidation=true`, wrong)

    expect([looked.status, unseen.status]).toEqual([400, 201])
  })

  it('are of several types, each with what it needs', async () => {
    const credentials = { credentialsType: 'None' }
    const kinds = [
      { datastoreType: 'AzureFile', accountName: 'a', fileShareName: 's' },
      { datastoreType: 'AzureDataLakeGen2', accountName: 'a', filesystem: 'f' },
      { datastoreType: 'AzureDataLakeGen1', storeName: 'a' },
      {
        datastoreType: 'OneLake',
        oneLakeWorkspaceName: 'w',
        artifact: { artifactType: 'LakeHouse', artifactName: 'x' },
      },
    ]

    const made = await Promise.all(
      kinds.map((kind) =>
        test.ask('PUT', `${workspace}/datastores/of_${kind.datastoreType}`, { properties: { ...kind, credentials } }),
      ),
    )
    const lacking = await test.ask('PUT', `${workspace}/datastores/lacking`, {
      properties: { datastoreType: 'AzureBlob', accountName: 'a', credentials },
    })
    const closed = await test.ask('POST', `${workspace}/datastores/of_AzureFile/listSecrets`, {})

    expect(made.map((one) => one.status)).toEqual([201, 201, 201, 201])
    expect(lacking.at('error.message')).toContain('properties.containerName')
    expect(closed.status).toBe(400)
  })

  it('are listed by name, text and default', async () => {
    const names = async (query: string) => (await test.all(`${workspace}/datastores?${query}`)).map((one) => one.name)

    expect(await names('count=30&isDefault=true&orderByAsc=false')).toEqual(['workspaceblobstore'])
    expect(await names('names=workspaceblobstore&names=workspacefilestore')).toHaveLength(2)
    expect(await names('searchText=working')).toEqual(['workspaceworkingdirectory'])
    expect((await names('count=1')).length).toBeGreaterThanOrEqual(4)
  })

  it('go with their secret', async () => {
    const path = `${workspace}/datastores/gone`
    await test.ask('PUT', path, blobStore({ secretsType: 'AccountKey', key: KEY }))

    const gone = await test.ask('DELETE', path)
    const twice = await test.ask('DELETE', path)

    expect([gone.status, twice.status]).toEqual([200, 204])
  })
})

describe('connections', () => {
  const properties = {
    category: 'PythonFeed',
    authType: 'PAT',
    target: 'https://feed',
    credentials: { pat: 'very-secret' },
    metadata: { own: 'x' },
  }

  it('are made with 200 and show their credentials only when asked for secrets', async () => {
    const path = `${workspace}/connections/feed`

    const made = await test.ask('PUT', path, { properties })
    const read = await test.ask('GET', path)
    const secrets = await test.ask('POST', `${path}/listsecrets`)

    expect(made.status).toBe(200)
    expect(JSON.stringify([made.body, read.body])).not.toContain('very-secret')
    expect(read.body).toMatchObject({ properties: { target: 'https://feed', metadata: { own: 'x' } } })
    expect(secrets.at('properties.credentials')).toEqual({ pat: 'very-secret' })
  })

  it('keep their secret through a PATCH of something else', async () => {
    const path = `${workspace}/connections/patched`
    await test.ask('PUT', path, { properties })

    const patched = await test.ask('PATCH', path, { properties: { target: 'https://other' } })
    const secrets = await test.ask('POST', `${path}/listSecrets`)

    expect(patched.at('properties.target')).toBe('https://other')
    expect(secrets.at('properties.credentials')).toEqual({ pat: 'very-secret' })
  })

  it('are listed by category and removed', async () => {
    await test.ask('PUT', `${workspace}/connections/gone`, { properties: { ...properties, category: 'Git' } })

    const listed = await test.all(`${workspace}/connections?category=git&includeAll=false`)
    const gone = await test.ask('DELETE', `${workspace}/connections/gone`)
    const after = await test.all(`${workspace}/connections?category=git`)

    expect([listed.length, gone.status, after.length]).toEqual([1, 200, 0])
  })
})
