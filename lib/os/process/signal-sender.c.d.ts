// The C source beside this file is imported as its text.

declare const text: string;
export default text;
