"""Names that contain a text, looked up by pairs of characters.

A trigram index (pg_trgm) does not answer for one or two characters, which is what people type in
Chinese: 3栋, 西兴. The database function `bigrams` cuts a stored text into its characters and pairs
of characters, a GIN index keeps them, and the functions here cut what is looked for.
"""

from collections.abc import Iterator

from sqlalchemy import Index, text

MAX_WHOLE_NAME_CHARS = 60  # of a stored name or address that is recognised inside a text


def lookup_indexes(
    table: str, whole: tuple[str, ...] = (), parts: tuple[str, ...] = ()
) -> Iterator[Index]:
    """Yield the indexes of a table by which search finds its rows.

    Parameters
    ----------
    whole
        Columns looked up as they stand, in lower case.
    parts
        Expressions looked up by `contains_sql`; the index is named by the last column of each.
    """
    for column in whole:
        yield Index(f"ix_{table}_{column}_lower", text(f"lower({column})"))
    for words in parts:
        name = f"ix_{table}_{words.split()[-1]}_bigrams"
        yield Index(name, text(f"bigrams({words})"), postgresql_using="gin")


def contains_sql(expression: str, needle: str) -> str:
    """Return the SQL condition that an expression contains a text, case and blanks aside.

    Parameters
    ----------
    expression
        Text of an index `gin (bigrams(expression))`.
    needle
        Name of the parameter with the text, in lower case and without blanks; the parameter
        `{needle}_bigrams` is its `bigrams_of`.
    """
    # what is checked of each row stands first: where several conditions are joined by OR, all of
    # it is checked again, and computing the pairs takes longest
    return (
        f"(strpos(replace(lower({expression}), ' ', ''), :{needle}) > 0"
        f" AND bigrams({expression}) @> CAST(:{needle}_bigrams AS text[]))"
    )


def bigrams_of(needle: str) -> list[str]:
    """Return the pairs of characters that every text with a needle has; one character alone.

    Of an empty needle what no text has: a plan for any needle would read the whole index.
    """
    return [needle[i : i + 2] for i in range(len(needle) - 1)] or [needle]


def substrings(text: str) -> list[str]:
    """Return what may be a whole name inside a text: its parts of at most MAX_WHOLE_NAME_CHARS."""
    length = len(text)
    return list(
        {
            text[start:end]
            for start in range(length)
            for end in range(start + 1, min(start + MAX_WHOLE_NAME_CHARS, length) + 1)
        }
    )
