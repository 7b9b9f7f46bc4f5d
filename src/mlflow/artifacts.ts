/** The bytes that a file had when it was listed, in a store that others can fetch them from. Artifacts know their own. */
export interface Origin {
  /** Changes with every write. Opaque; equal only to itself. */
  readonly version: string
}

/** A file of a run or of a logged model. Its path is a name given by others: data, never a place on a disk. */
export interface ArtifactFile {
  /** Below the root, with slashes. */
  readonly path: string
  readonly length: number
  /** Where a place tells versions. */
  readonly origin?: Origin
}

/** Files below a root such as a run's `artifact_uri`. */
export interface Artifacts {
  /** True if files below this root can be read and written here. */
  reaches(root: string): boolean
  /** Every file, to the deepest. */
  files(root: string, signal: AbortSignal): AsyncIterable<ArtifactFile>
  /** The bytes as they come; `undefined` if there is no such file. */
  read(root: string, path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined>
  /** Writes a file whole, over one that is there. */
  write(
    root: string,
    path: string,
    content: { readonly bytes: AsyncIterable<Uint8Array>; readonly signal: AbortSignal },
  ): Promise<void>
  /**
   * Lets the place fetch a file itself, whole, over one that is there, so that the bytes do not pass through here.
   * False where it cannot, and then nothing was written: read there and write here. Throws `blob/changed` where the
   * file is no longer what it was when it was listed.
   */
  fetch?(root: string, path: string, from: { readonly origin: Origin; readonly signal: AbortSignal }): Promise<boolean>
}
