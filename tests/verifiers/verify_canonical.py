"""Compares every assertion of the given folders with its own exclusive canonical form, as lxml (libxml2) writes it."""

import sys
from pathlib import Path

from lxml import etree

PREFIX_LISTS = (
    "/*/ds:Signature/ds:SignedInfo/ds:Reference/ds:Transforms/ds:Transform/ec:InclusiveNamespaces/@PrefixList"
)
NAMESPACES = {
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "ec": "http://www.w3.org/2001/10/xml-exc-c14n#",
}


def canonical(text):
    """The exclusive canonical form of `text`, with the PrefixList that its own signature names."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    root = etree.fromstring(text, parser)
    lists = root.xpath(PREFIX_LISTS, namespaces=NAMESPACES)
    prefixes = [prefix for prefix_list in lists for prefix in prefix_list.split()]
    return etree.tostring(
        root.getroottree(), method="c14n", exclusive=True, with_comments=True, inclusive_ns_prefixes=prefixes or None
    )


presented = verified = 0
for folder in sys.argv[1:]:
    for path in sorted(Path(folder).glob("*.xml")):
        presented += 1
        text = path.read_bytes()
        try:
            if canonical(text) != text:
                raise ValueError("not in canonical form")
            verified += 1
        except (ValueError, etree.LxmlError) as error:
            print(f"refused {path}: {error}", file=sys.stderr)
print(f"presented={presented} verified={verified}")
