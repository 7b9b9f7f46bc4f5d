import { ClientSecretCredential, DefaultAzureCredential } from '@azure/identity'
import { BlobServiceClient } from '@azure/storage-blob'

/**
 * A program that uses Microsoft's packages as anyone's would: no option names a proxy, an authority or a certificate.
 *
 * It gets the name of an account as its argument, and writes what it found as one line of JSON.
 */
const [account = ''] = process.argv.slice(2)
const { AZURE_TENANT_ID: tenant = '', AZURE_CLIENT_ID: client = '', AZURE_CLIENT_SECRET: secret = '' } = process.env
const scope = 'https://management.azure.com/.default'
const credential = new ClientSecretCredential(tenant, client, secret)
const wrong = new ClientSecretCredential(tenant, client, 'not the secret')

const service = new BlobServiceClient(`https://${account}.blob.core.windows.net`, credential)
const container = service.getContainerClient('from-node')
await container.create()
const blob = container.getBlockBlobClient('deep/läyer 1.bin')
const bytes = Buffer.alloc(5 * 1024 * 1024, 'holdfast')
await blob.uploadData(bytes, { blockSize: 1024 * 1024, maxSingleShotSize: 1024, metadata: { by: 'node' } })
const back = await blob.downloadToBuffer()
const { etag = '', metadata } = await blob.getProperties()
const names: string[] = []
for await (const one of container.listBlobsFlat()) names.push(one.name)

const found = {
  expires: (await credential.getToken(scope)).expiresOnTimestamp > Date.now(),
  fromEnvironment: (await new DefaultAzureCredential().getToken(scope)).token.split('.').length,
  refused: await reasonOf(wrong.getToken(scope)),
  equal: back.equals(bytes),
  metadata,
  names,
  unchanged: await reasonOf(blob.upload('x', 1, { conditions: { ifNoneMatch: '*' } })),
  changed: (await blob.upload('x', 1, { conditions: { ifMatch: etag } })).requestId !== undefined,
  stale: await reasonOf(blob.upload('y', 1, { conditions: { ifMatch: etag } })),
  absent: await reasonOf(container.getBlobClient('nobody').download()),
}
process.stdout.write(`${JSON.stringify(found)}\n`)

/** Name or code of the error with which a promise ends. */
async function reasonOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'nothing'
  } catch (failure) {
    const { code, name } = failure as { readonly code?: string; readonly name: string }
    return code ?? name
  }
}
