/** What the codes of the system mean to whoever named the file. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'you may not do that there',
  EDQUOT: 'your quota on that disk is used up',
  EFBIG: 'it would be larger than a file may be here',
  ENAMETOOLONG: 'the name is too long',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of its path is no folder',
  EPERM: 'you may not do that there',
  EROFS: 'the disk may only be read',
};

/**
 * Why a file could not be read or written, in words where there are some; the code of the system otherwise.
 *
 * @param missing what it means here that something is not there
 * @returns null for an error that is none of the system's
 */
export function fileFailure(error: unknown, missing: string): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  const code = String(error.code);
  return code === 'ENOENT' ? missing : (WORDS[code] ?? code);
}
