/** Why a file cannot be shown: what it is or what is wrong in it, where, and what to do. */
export class ImportProblem extends Error {
  override readonly name = 'ImportProblem';
  /** JSON Pointer (RFC 6901) of what is wrong; empty where it is the whole. */
  readonly where: string;

  constructor(message: string, where = '') {
    super(message);
    this.where = where;
  }
}
