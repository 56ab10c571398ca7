// Makes text from outside safe to show: it can neither break a line, steer a terminal, nor hide anything. Pure.

/**
 * Control and format characters (bidirectional marks and overrides, zero width, tags), line and paragraph separators, all
 * else that is drawn as nothing, and halves of surrogate pairs.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/** `text` with such characters written as `\u001b`, the way JSON writes them. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => {
    let escaped = "";
    for (let i = 0; i < character.length; i++) {
      escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
    }
    return escaped;
  });
}
