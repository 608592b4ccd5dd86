/** Characters of events on one page of the audit log: a page of large ones has fewer of them, but always one. */
export const MAX_AUDIT_PAGE_LENGTH = 512 * 1024;
