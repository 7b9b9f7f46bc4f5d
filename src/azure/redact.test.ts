import { describe, expect, it } from 'vitest'
import { fakeExchange, requestOf } from '../../test/support/fake-exchange.ts'
import { type Recorded, recording } from './record.ts'
import { redacted, redactedJson } from './redact.ts'

const SECRETS = [
  'https://a.blob.core.windows.net/c/b?sv=2024-11-04&se=2026&sig=TOPSECRET%2Babc%3D',
  'sv=2024-11-04&sig=TOPSECRET&se=2026',
  'https%3A%2F%2Fa.blob.core.windows.net%2Fc%3Fsv%3D1%26sig%3DTOPSECRET',
  'Authorization: Bearer TOPSECRET.abc',
  'SharedKey account:TOPSECRET=',
  'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=TOPSECRET==;EndpointSuffix=core.windows.net',
  'eyJhbGciOiJSUzI1NiJ9.TOPSECRET.TOPSECRET',
  'grant_type=client_credentials&client_secret=TOPSECRET&scope=x',
  'http://user:TOPSECRET@127.0.0.1:8080/',
]

describe('redacted', () => {
  it.for(SECRETS)('hides what opens something in %s', (text) => {
    expect(redacted(text)).not.toContain('TOPSECRET')
  })

  it('leaves everything else as it is', () => {
    const text = 'https://a.blob.core.windows.net/c/design.txt?sv=1&sp=r signed by key 7, signature=plain'
    expect(redacted(text)).toBe(text)
  })
})

describe('redactedJson', () => {
  it('hides the fields that hold secrets, however deep', () => {
    const body = {
      properties: {
        credentials: { credentialsType: 'AccountKey', secrets: { secretsType: 'AccountKey', key: 'TOPSECRET' } },
        accountName: 'lake',
        keyVault: '/subscriptions/s/vaults/kv',
      },
      keys: [{ keyName: 'key1', value: 'TOPSECRET' }],
      sasToken: 'TOPSECRET',
      credentials: { sas: 'TOPSECRET', apiKey: 'TOPSECRET', secretAccessKey: 'TOPSECRET' },
      adminUserPassword: 'TOPSECRET',
    }
    expect(JSON.stringify(redactedJson(body))).not.toContain('TOPSECRET')
    expect(redactedJson(body)).toMatchObject({
      properties: {
        accountName: 'lake',
        keyVault: '/subscriptions/s/vaults/kv',
        credentials: { credentialsType: 'AccountKey', secrets: { secretsType: 'AccountKey' } },
      },
    })
  })
})

describe('recording', () => {
  it('tells every exchange, without secrets, and changes none', async () => {
    const lines: Recorded[] = []
    const answer = { status: 200, body: { key: 'TOPSECRET', name: 'x' } }
    const exchange = recording(fakeExchange(answer).exchange, (line) => lines.push(line))
    const request = requestOf({ method: 'POST', url: `${SECRETS[0]}`, body: { password: 'TOPSECRET' } })
    expect((await exchange(request)).body).toEqual(answer.body)
    expect(JSON.stringify(lines)).not.toContain('TOPSECRET')
    expect(lines[0]).toMatchObject({ method: 'POST', status: 200, got: { name: 'x' } })
  })
})
