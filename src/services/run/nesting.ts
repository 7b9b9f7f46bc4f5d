import type { Address, Item } from '../../core/model.ts'
import { PARENT_TAG, type RunBody, runAddress } from './schema.ts'

/**
 * The same runs, those with a parent last: each leans on its parent where that is among them, so that the parent's
 * replica has an id when the child's is to name it. Runs that are each other's parents lean on nobody.
 */
export async function* afterParents(runs: AsyncIterable<Item>): AsyncIterable<Item> {
  const seen = new Set<Address>()
  const children = new Map<Address, { readonly item: Item; readonly parent: Address }>()
  for await (const item of runs) {
    seen.add(item.address)
    const parent = parentOf(item)
    if (parent === undefined) yield item
    else children.set(item.address, { item, parent })
  }
  for (const { item, parent } of children.values()) {
    const leans = seen.has(parent) && !isAbove(item.address, parent)
    yield leans ? { ...item, needs: [...item.needs, parent] } : item
  }

  function isAbove(address: Address, below: Address): boolean {
    const passed = new Set<Address>()
    for (let at: Address | undefined = below; at !== undefined && !passed.has(at); at = children.get(at)?.parent) {
      if (at === address) return true
      passed.add(at)
    }
    return false
  }
}

function parentOf({ body }: Item): Address | undefined {
  const { experiment, tags } = body as unknown as RunBody
  const parent = tags[PARENT_TAG]
  return parent === undefined ? undefined : runAddress(experiment, parent)
}
