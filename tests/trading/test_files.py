import gzip
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from alphapanda.errors import InputError
from trading.feed.files import data_files, merged
from trading.feed.raw import LineError, RawTick, Refusal
from trading.feed.timestamps import TimestampReader
from trading.feed.values import depth_price_e4, price_e4, quantity
from trading.session import MINUTE, SECOND
from trading.tick import Level

REAL = Path(__file__).parents[3] / "shared" / "data"
OPENING = 1_680_493_500 * SECOND  # 2023-04-03 09:15:00 in Asia/Kolkata
TICKS = "timestamp,symbol,last_price,volume\n"
BARS = "date,open,high,low,close,volume\n"

realdata = pytest.mark.realdata
needs_data = pytest.mark.skipif(not REAL.is_dir(), reason="no folder of real market data")


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "SBIN.csv") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
        return path

    return write


def read(*paths: Path) -> tuple[list[RawTick], list[Refusal]]:
    refused: list[Refusal] = []
    return list(merged(paths, refused.append)), refused


def reasons(refused: list[Refusal]) -> list[tuple[int, str]]:
    return [(refusal.line, refusal.reason) for refusal in refused]


@pytest.mark.parametrize(
    ("text", "after_opening"),
    [
        ("2023-04-03 09:15:00", 0),
        ("2023-04-03T09:15", 0),
        ("2023-04-03 09:15:00+05:30", 0),
        ("2023-04-03T09:15:00+0530", 0),
        ("2023-04-03 09:15:00 IST", 0),
        ("2023-04-03T03:45:00Z", 0),
        ("2023-04-03 03:45:00 UTC", 0),
        ("2023-04-02 22:45:00-05:00", 0),
        ("03-04-2023 09:15:00", 0),
        ("3/4/2023 9:15", 0),
        ("03/04/2023 09:15:00.5", 500_000),
        ("20230403 09:15:00", 0),
        ("2023-04-03", -(9 * 60 + 15) * MINUTE),
        ("2023-04-03 09:15:00.25", 250_000),
        ("2023-04-03 09:15:00.673644", 673_644),
        ("2023-04-03 09:15:00.673644999", 673_644),
        ("2023-04-03T09:15:00.25+05:30", 250_000),
        ("2023-04-03T03:45:00.000001Z", 1),
        ("1680493500", 0),
        ("1680493500.25", 250_000),
        ("1680493500250", 250_000),
        ("1680493500250.5", 250_500),
        ("1680493500250001", 250_001),
        ("1680493500250001999", 250_001),
        ("  2023-04-03 09:15:00 ", 0),
    ],
)
def test_a_time_without_a_zone_is_indian(text, after_opening):
    assert TimestampReader().read(text) == OPENING + after_opening


@pytest.mark.parametrize("text", ["", "soon", "2023-13-01 09:15:00", "2023-04-03 25:00", "12", "2023-04-03 09:15:00.x"])
def test_what_is_not_a_time_is_a_bad_line(text):
    with pytest.raises(LineError, match="not understood"):
        TimestampReader().read(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1607.55", 16_075_500),
        ("878", 8_780_000),
        (" 1e3 ", 10_000_000),
        ("1.00005", 10_000),
        ("1.00015", 10_002),
    ],
)
def test_prices_are_rounded_half_even_to_four_decimals(text, expected):
    assert price_e4(text) == expected


@pytest.mark.parametrize("text", ["", "abc", "NaN", "inf", "-Infinity", "0", "0.0", "-5", "0.00001", "1e300", "1_000"])
def test_what_is_not_a_positive_finite_price_is_a_bad_price(text):
    with pytest.raises(LineError) as refused:
        price_e4(text)
    assert refused.value.reason == "bad_price"


@pytest.mark.parametrize(("text", "shares"), [("", 0), (" ", 0), ("25", 25), ("25.0", 25), ("1e2", 100)])
def test_an_empty_quantity_is_none_at_all(text, shares):
    assert quantity(text) == shares


@pytest.mark.parametrize("text", ["-1", "1.5", "many", "nan", "1e30", "²"])
def test_quantities_are_whole_shares(text):
    with pytest.raises(LineError):
        quantity(text)


@pytest.mark.parametrize("text", ["", "0", "0.00"])
def test_a_level_of_depth_may_be_missing(text):
    assert depth_price_e4(text) == 0


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("timestamp,symbol,last_price\n2023-04-03 09:15:00,TCS,100.5\n", "TCS"),
        ("Date,Time,LTP\r\n03-04-2023,09:15:00,100.5\r\n", "SBIN"),
        ("\ufeffDATETIME,token,Price\n2023-04-03T09:15:00+05:30,2953217,100.50\n", 2953217),
        ('"date","ltp","tradingsymbol","note"\n"2023-04-03 09:15:00","100.5","TCS","a, b"\n', "TCS"),
        ("instrument_token, last price ,exchange_timestamp\n 5 , 100.5 ,1680493500\n", 5),
        ("timestamp,open,high,low,close,ltp\n2023-04-03 09:15:00,1,2,1,2,100.5", "SBIN"),
    ],
)
def test_variants_of_tick_files_mean_the_same(write, text, name):
    ticks, refused = read(write(text))
    assert [(tick.name, tick.price_e4, tick.time) for tick in ticks] == [(name, 1_005_000, OPENING)]
    assert not refused


def test_a_gzip_file_reads_like_a_plain_one(tmp_path):
    path = tmp_path / "SBIN.csv.gz"
    path.write_bytes(gzip.compress((BARS + "2023-04-03 09:15:00,10,12,9,11,7\n").encode()))
    assert {tick.name for tick in read(path)[0]} == {"SBIN"}


@pytest.mark.parametrize(
    ("bar", "prices"),
    [("10,12,9,11", [10, 9, 12, 11]), ("11,12,9,10", [11, 12, 9, 10]), ("10,12,9,10", [10, 9, 12, 10])],
)
def test_a_bar_becomes_four_ticks_with_the_volume_on_the_close(write, bar, prices):
    ticks, _ = read(write(f"{BARS}2023-04-03 09:15:00,{bar},70\n"))
    assert [tick.price_e4 // 10_000 for tick in ticks] == prices
    assert [(tick.time - OPENING) // SECOND for tick in ticks] == [0, 15, 30, 45]
    assert [tick.volume for tick in ticks] == [0, 0, 0, 70]


def test_bars_of_several_symbols_interleave_in_line_order(write):
    rows = "2023-04-03 09:15:00,B,1,1,1,1\n2023-04-03 09:15:00,A,2,2,2,2\n2023-04-03 09:15:30,C,3,3,3,3\n"
    ticks, _ = read(write("date,symbol,open,high,low,close\n" + rows))
    moments = [((tick.time - OPENING) // SECOND, tick.name) for tick in ticks]
    first = [(0, "B"), (0, "A"), (15, "B"), (15, "A"), (30, "B"), (30, "A"), (30, "C"), (45, "B"), (45, "A")]
    assert moments == [*first, (45, "C"), (60, "C"), (75, "C")]


def test_refused_bars_are_reported_by_line_and_the_others_are_read(write):
    path = write(
        BARS
        + "2023-04-03 09:15:00,10,12,9,11,7\n"
        + "2023-04-03 09:15:00,10.0,12,9,11.00,7\n"  # 3: the same values
        + "2023-04-03 09:15:00,10,12,9,11,8\n"  # 4: another bar
        + "2023-04-03 09:14:00,10,12,9,11,7\n"  # 5: older
        + "2023-04-03 09:16:00,10,12,11,11,7\n"  # 6: open below low
        + "2023-04-03 09:16:00,10,12,nan,11,7\n"
        + "2023-04-03 09:16:00,10,12,9\n"
        + "\n"
        + "yesterday,10,12,9,11,7\n"
        + '2023-04-03 09:16:00,"10,12,9,11,7\n'  # 11: a stray quote
        + "2023-04-03 09:16:00,10,12,9,11,7\n"
    )
    ticks, refused = read(path)
    assert len(ticks) == 8
    assert reasons(refused) == [
        (3, "duplicate"),
        (4, "conflicting_bar"),
        (5, "out_of_order"),
        (6, "bad_bar"),
        (7, "bad_price"),
        (8, "bad_line"),
        (10, "bad_line"),
        (11, "bad_line"),
    ]
    assert str(refused[0]) == f"{path}:3: duplicate: an exact copy of line 2"


def test_equal_ticks_are_kept_and_older_ones_refused(write):
    rows = "2023-04-03 09:15:01,A,5,1\n" * 2 + "2023-04-03 09:15:00,B,5,1\n" + "2023-04-03 09:15:01,B,x,1\n"
    ticks, refused = read(write(TICKS + rows + "2023-04-03 09:15:01,,5,1\n2023-04-03 09:15:02,B,6,1\n"))
    assert [tick.name for tick in ticks] == ["A", "A", "B"]
    assert reasons(refused) == [(4, "out_of_order"), (5, "bad_price"), (6, "bad_line")]


@pytest.mark.parametrize("column", ["volume_traded", "volume_total"])
def test_a_running_total_is_differenced_by_symbol_and_day(write, column):
    rows = ["3 09:15:00,A,500", "3 09:15:00,B,90", "3 09:15:01,A,520", "3 09:15:02,A,515", "3 09:15:02,B,95"]
    rows += ["4 09:15:00,A,30"]
    lines = [f"2023-04-0{row},10\n" for row in rows]
    ticks, _ = read(write(f"timestamp,symbol,{column},ltp\n" + "".join(lines)))
    assert [tick.volume for tick in ticks] == [0, 0, 20, 0, 5, 30]


def test_depth_and_arrival_are_read_where_the_file_has_them(write):
    levels = ("bid1", "bid2", "ask1")
    cells = [cell for level in levels for cell in (f"{level}_price", f"{level}_quantity")]
    header = ",".join(["timestamp", "ltp", "arrival_time", *cells]) + "\n"
    rows = "1680493500,10,1680493500.5,9.95,5,0,0,10.05,7\n1680493501,10,,,,,,,\n1680493502,10,,0,0,0,0,0,0\n"
    (full, bare, empty), _ = read(write(header + rows))
    assert full.arrival == OPENING + 500_000
    assert full.depth.bids == (Level(99_500, 5),)
    assert full.depth.asks == (Level(100_500, 7),)
    assert (bare.arrival, bare.depth) == (None, None)
    assert empty.depth.bids == empty.depth.asks == ()


def test_a_damaged_character_spoils_only_its_line(tmp_path):
    path = tmp_path / "SBIN.csv"
    path.write_bytes(TICKS.encode() + b"1680493500,A,\xff5,1\n1680493501,A,5,1\n")
    ticks, refused = read(path)
    assert len(ticks) == 1
    assert reasons(refused) == [(2, "bad_price")]


def test_a_folder_of_day_files_is_one_symbol_in_order_of_dates(write):
    for day, name in [("03-04-2023", "z"), ("04-04-2023", "a"), ("02-05-2023", "02-05-2023")]:
        path = write(f"date,time,ltp\n{day},09:15:00,1\n", f"TCS/{name}.csv")
    write("not data", "TCS/notes.txt")
    ticks, refused = read(path.parent)
    assert [tick.name for tick in ticks] == ["TCS"] * 3
    assert [tick.file[-5] for tick in ticks] == ["z", "a", "3"]
    assert not refused


def test_files_merge_by_time_and_ties_keep_the_order_given(write):
    late = write("timestamp,ltp\n1680493500,1\n1680493502,1\n", "LATE.csv")
    early = write("timestamp,ltp\n1680493499,1\n1680493500,1\n1680493501,1\n", "EARLY.csv")
    names = [tick.name for tick in read(late, early)[0]]
    assert names == ["EARLY", "LATE", "EARLY", "EARLY", "LATE"]


def test_a_file_without_a_good_line_is_still_reported(write):
    bad = write("timestamp,ltp\nnever,1\n", "BAD.csv")
    good = write("timestamp,ltp\n1680493500,1\n", "GOOD.csv")
    ticks, refused = read(good, bad)
    assert len(ticks) == len(refused) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("1680493500,100.5,20\n", "no header"),
        ("symbol,last_price\n", "no time column"),
        ("timestamp,symbol,volume\n", "no price column: name it last_price"),
        ("date,open,high,low\n", "a bar also needs close"),
        ("timestamp,\0\n", "not text"),
        ('timestamp,"price\n', "header cannot be read"),
    ],
)
def test_an_unusable_file_is_named_before_any_tick(write, text, message):
    good, bad = write(TICKS, "good.csv"), write(text, "bad.csv")
    with pytest.raises(InputError, match=message) as refused:
        merged([good, bad], print)
    assert str(bad) in str(refused.value)


def test_a_missing_file_and_a_folder_without_data_are_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: no such file"):
        data_files([tmp_path / "none.csv"])
    with pytest.raises(InputError, match=r"no \.csv or \.csv\.gz file"):
        data_files([tmp_path])


def test_a_gzip_file_that_is_cut_short_is_named(tmp_path):
    path = tmp_path / "SBIN.csv.gz"
    rows = "".join(f"{1_680_493_500 + i},A,{i % 997 + 1},{i}\n" for i in range(20_000))
    path.write_bytes(gzip.compress((TICKS + rows).encode())[:-4000])
    with pytest.raises(InputError, match=r"SBIN\.csv\.gz: the gzip data is damaged or cut short"):
        read(path)


@realdata
@needs_data
def test_a_month_of_bars_is_four_ticks_a_row():
    ticks, refused = read(REAL / "nse1m_2023_banks" / "HDFCBANK.csv")
    assert (len(ticks), refused) == (60_004, [])
    assert (ticks[0].time, ticks[0].price_e4, ticks[0].name) == (OPENING, 16_075_500, "HDFCBANK")


@realdata
@needs_data
def test_nineteen_day_files_read_in_order():
    ticks, refused = read(REAL / "nse1m_2025_04" / "RELIANCE")
    assert (len(ticks), refused) == (19 * 375 * 4, [])
    assert {tick.name for tick in ticks} == {"RELIANCE"}
    assert all(one.time <= two.time for one, two in pairwise(ticks))


@realdata
@needs_data
@pytest.mark.parametrize(
    ("ticks_file", "candles_file"),
    [
        ("ticks_NIFTY50_256265_20251009.csv", "candles_1min_NIFTY50_256265_20251009.csv"),
        ("ticks_CALL_10923266_10923266_20251009.csv", "candles_1min_NIFTY25O1424900CE_10923266_20251009.csv"),
    ],
)
def test_recorded_ticks_make_the_recorded_candles(ticks_file, candles_file):
    folder = REAL / "kite_ltp_ticks_2025-10-09"
    minutes = by_minute(read(folder / ticks_file)[0])
    candles = by_minute(read(folder / candles_file)[0])
    both = sorted(minutes.keys() & candles.keys())[1:-1]  # the first and the last may be incomplete
    assert len(both) > 40
    assert [extremes(minutes[minute]) for minute in both] == [extremes(candles[minute]) for minute in both]


def by_minute(ticks: list[RawTick]) -> dict[int, list[int]]:
    minutes: dict[int, list[int]] = defaultdict(list)
    for tick in ticks:
        minutes[tick.time // MINUTE].append(tick.price_e4)
    return minutes


def extremes(prices: list[int]) -> tuple[int, int, int, int]:
    return prices[0], max(prices), min(prices), prices[-1]


@realdata
@needs_data
def test_a_day_of_index_ticks_keeps_its_duplicates():
    ticks, refused = read(REAL / "nifty_tick_to_1min_2022-09-09" / "tick.csv")
    assert (len(ticks), refused) == (21_120, [])
    prices = [tick.price_e4 for tick in ticks]
    assert (min(prices), max(prices)) == (177_861_500, 179_253_000)
