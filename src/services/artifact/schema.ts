import { type Address, address, type Item, type JsonObject, segmentsOf } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'

/** One file of a run or of a logged model. */
export interface ArtifactBody {
  /** Of the experiment that its owner is in. */
  readonly experiment: string
  /** Id under which both sides know its run or logged model. */
  readonly owner: string
  /** Below the owner's root, with slashes. Empty: the server does not hand out what its owner has. */
  readonly path: string
  /** Of the file as it says things in the ids that both sides know. */
  readonly length: number
  readonly sha256: string
  /** Path of the file whose bytes these are, where both sides' versions are kept and this is one of them. */
  readonly from?: string
}

/** Whose file it is. */
export interface Owner {
  readonly experiment: string
  readonly id: string
  /** Item of the owner itself. */
  readonly address: Address
}

export function artifactItem(
  { experiment, id, address: needed }: Owner,
  file: Omit<ArtifactBody, 'experiment' | 'owner'>,
) {
  const body = { experiment, owner: id, ...file } satisfies ArtifactBody
  return item(artifactAddress(experiment, id, file.path), body satisfies JsonObject, [needed])
}

function artifactAddress(experiment: string, owner: string, path: string): Address {
  return address('artifact', experiment, owner, path)
}

/** The same bytes beside the file that has the name by now. */
export function asideItem({ body, needs }: Item, mark: string): Item {
  const { experiment, owner, path, from } = artifactBody(body)
  const own = `${from ?? path}.holdfast-${mark}`
  return item(artifactAddress(experiment, owner, own), { ...body, path: own, from: from ?? path }, needs)
}

export function artifactBody(body: JsonObject): ArtifactBody {
  return body as unknown as ArtifactBody
}

/** What an address says of a file. */
export function whereIs(of: Address): Pick<ArtifactBody, 'experiment' | 'owner' | 'path'> {
  const [experiment = '', owner = '', path = ''] = segmentsOf(of)
  return { experiment, owner, path }
}
