"""Prints each given file as Python's own XML parser (expat) reads it: one JSON line, a list of [tag, attributes, text] in
document order, comments and processing instructions included as tags of their own."""

import json
import sys
from xml.etree import ElementTree


def element(node):
    tag = node.tag if isinstance(node.tag, str) else f"!{node.tag.__name__}"
    # Nothing that we write stands after a closing tag.
    return [tag, node.attrib, (node.text or "") if node.tail is None else f"{node.text} and a tail {node.tail!r}"]


for file in sys.argv[1:]:
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True, insert_pis=True))
    root = ElementTree.parse(file, parser).getroot()
    print(json.dumps([element(node) for node in root.iter()]))
