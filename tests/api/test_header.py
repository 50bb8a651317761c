from pycrash.api import TaskHeader, header_line


def test_columns_of_a_64_bit_kernel() -> None:
    row = TaskHeader(1, 0xFF175E6A8122A100, 1, "init")
    assert header_line(row) == 'PID: 1        TASK: ff175e6a8122a100  CPU: 1    COMMAND: "init"'


def test_a_narrow_address_fills_its_column() -> None:
    row = TaskHeader(12345678, 0xC0B3A000, 12, "a")
    assert header_line(row, word_size=4) == (
        'PID: 12345678  TASK: c0b3a000  CPU: 12   COMMAND: "a"'
    )
