"""What is refused, by one word."""


class Refused(Exception):
    def __init__(self, word, **details):
        super().__init__(word)
        self.answer = {"refused": word, **details}
