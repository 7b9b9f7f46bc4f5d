/** A file of a run or of a logged model. Its path is a name given by others: data, never a place on a disk. */
export interface ArtifactFile {
  /** Below the root, with slashes. */
  readonly path: string
  readonly length: number
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
}
