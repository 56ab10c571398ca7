// Reads a process's output line by line, as a condition to wait for.

/** A function that resolves with the next line, or null at the end. */
export function lineReader(stream: ReadableStream<Uint8Array>): () => Promise<string | null> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let pending = "";
  return async () => {
    for (;;) {
      const end = pending.indexOf("\n");
      if (end >= 0) {
        const line = pending.slice(0, end);
        pending = pending.slice(end + 1);
        return line;
      }
      const { done, value } = await reader.read();
      if (done) return pending === "" ? null : pending;
      pending += decoder.decode(value, { stream: true });
    }
  };
}
