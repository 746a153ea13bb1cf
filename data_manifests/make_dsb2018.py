"""Write dsb2018/pixels.csv: by which pixels the images and merged labels of dsb2018 are recognised.

python data_manifests/make_dsb2018.py --data $GENVIZ_DATA/dsb2018
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from genviz.io.image_masks.archive import image_digest, label_digest
from genviz.io.image_masks.rows import ImageFile, MaskFile

HERE = Path(__file__).parent / "dsb2018"


def main() -> None:
    """Read the index, hash the pixels, write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with images/ and labels/")
    data = parser.parse_args().data
    with (HERE / "index.csv").open(newline="") as lines:
        ids = [line["id"] for line in csv.DictReader(lines)]
    with (HERE / "pixels.csv").open("w", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(["id", "image_sha256", "label_sha256"])
        for name in ids:
            image = ImageFile(str(data / "images" / f"{name}.png")).read()
            labels = MaskFile(str(data / "labels" / f"{name}.png")).read()
            table.writerow([name, image_digest(image), label_digest(labels)])
    print(f"{HERE / 'pixels.csv'}: {len(ids)} images")


if __name__ == "__main__":
    main()
