"""The intermediate representation: typed ANF in structured blocks, its rules, and the tools that read and check it."""
