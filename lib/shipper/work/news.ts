// Whether a status would show something else than the last one did: who changes it and who shows it need not know each other.

export interface News {
  /** Something changed. */
  note(): void;
  /** Whether something did since the last time. */
  take(): boolean;
}

export function createNews(): News {
  let isNew = true;
  return {
    note() {
      isNew = true;
    },
    take() {
      const was = isNew;
      isNew = false;
      return was;
    },
  };
}
