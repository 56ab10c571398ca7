import { expect, test } from "bun:test";
import { SaidOnce } from "../../lib/core/said-once.ts";

test("is news: what is said first of a subject, something else, and the same after it was over", () => {
  const said = new SaidOnce();
  const news = [
    said.isNews("a", "full"),
    said.isNews("a", "full"),
    said.isNews("b", "full"),
    said.isNews("a", "read-only"),
    said.isNews("a", "full"),
    said.isOver("a"),
    said.isOver("a"),
    said.isNews("a", "full"),
    said.isNews("b", "full"),
  ];
  expect(news).toEqual([true, false, true, true, true, true, false, true, false]);
});

test("of too many subjects the one is forgotten of which something was said longest ago", () => {
  const said = new SaidOnce(2);
  for (const subject of ["a", "b"]) said.isNews(subject, "1");
  said.isNews("a", "2");
  said.isNews("c");
  expect([said.isNews("a", "2"), said.isNews("c"), said.isNews("b", "1")]).toEqual([false, false, true]);
});
