import { expect, it } from 'vitest'
import { item } from '../../core/snapshot.ts'
import { afterParents } from './nesting.ts'
import { runAddress } from './schema.ts'

/** Runs by id, each with the id of its parent. */
async function leaning(parents: Readonly<Record<string, string | undefined>>) {
  async function* runs() {
    for (const [id, parent] of Object.entries(parents)) {
      const tags = parent === undefined ? {} : { 'mlflow.parentRunId': parent }
      yield item(runAddress('e', id), { experiment: 'e', id, tags }, ['experiment/e'])
    }
  }
  const found: Record<string, readonly string[]> = {}
  for await (const { address, needs } of afterParents(runs())) found[address] = needs.slice(1)
  return found
}

it('lean on the parent that is there, whichever comes first, and on none that is not', async () => {
  expect(await leaning({ child: 'parent', orphan: 'none', grandchild: 'child', parent: undefined })).toEqual({
    'run/e/parent': [],
    'run/e/child': ['run/e/parent'],
    'run/e/orphan': [],
    'run/e/grandchild': ['run/e/child'],
  })
})

it('that are each other’s parents, or their own, lean on nobody', async () => {
  expect(await leaning({ a: 'b', b: 'a', own: 'own', below: 'a' })).toEqual({
    'run/e/a': [],
    'run/e/b': [],
    'run/e/own': [],
    'run/e/below': ['run/e/a'],
  })
})
