import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { BlockBlobClient } from '@azure/storage-blob'
import { MOST_BLOCKS, staged } from './azure-blocks.ts'

const FIRST_BLOCK = 8 * 1024 * 1024
const LARGEST_BLOCK = 64 * 1024 * 1024
/** After so many blocks the next ones are twice as large, so that the most blocks of a blob are enough. */
const BLOCKS_A_STEP = MOST_BLOCKS / 10

export interface Uploaded {
  /** Ids of the blocks, in order, to be committed. */
  readonly ids: readonly string[]
  readonly length: number
  readonly md5: Buffer
}

/** Sends bytes as blocks, several at once, each checked by its MD5. Nothing is there until they are committed. */
export async function uploadBlocks(
  blob: BlockBlobClient,
  bytes: Buffer | Readable,
  signal: AbortSignal,
): Promise<Uploaded> {
  const digest = createHash('md5')
  let length = 0
  const ids = await staged(blocksOf(Buffer.isBuffer(bytes) ? Readable.from([bytes]) : bytes), (id, block) => {
    digest.update(block)
    length += block.length
    const transactionalContentMD5 = createHash('md5').update(block).digest()
    return blob.stageBlock(id, block, block.length, { abortSignal: signal, transactionalContentMD5 })
  })
  return { ids, length, md5: digest.digest() }
}

/** The bytes in pieces of the sizes that blocks have. */
async function* blocksOf(bytes: Readable): AsyncIterable<Buffer> {
  let held: Buffer[] = []
  let size = 0
  let count = 0
  for await (const chunk of bytes) {
    let rest = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk as Uint8Array)
    for (let room = sizeOf(count) - size; rest.length >= room; room = sizeOf(count)) {
      yield Buffer.concat([...held, rest.subarray(0, room)])
      rest = rest.subarray(room)
      held = []
      size = 0
      count++
    }
    if (rest.length > 0) held.push(rest)
    size += rest.length
  }
  if (size > 0) yield Buffer.concat(held)
}

function sizeOf(block: number): number {
  return Math.min(LARGEST_BLOCK, FIRST_BLOCK * 2 ** Math.floor(block / BLOCKS_A_STEP))
}
