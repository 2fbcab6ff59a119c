# Django: migrations made and run, relations, aggregates, transactions, schema changes with data.
import os
import sys
import django
from django.conf import settings

root = os.getcwd()
os.makedirs("shop/migrations", exist_ok=True)
open("shop/__init__.py", "a").close()
open("shop/migrations/__init__.py", "a").close()
MODELS = """
from django.db import models
class Maker(models.Model):
    name = models.CharField(max_length=30, unique=True)
class Item(models.Model):
    maker = models.ForeignKey(Maker, on_delete=models.CASCADE, related_name="items")
    title = models.CharField(max_length=50)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    made = models.DateField()
    data = models.JSONField(default=dict)
    friends = models.ManyToManyField("self")
    {extra}
    class Meta:
        constraints = [models.CheckConstraint(check=models.Q(price__gte=0), name="price_not_negative")]
        indexes = [models.Index(fields=["title", "made"], name="title_made")]
"""
sys.path.insert(0, root)
step = int(sys.argv[1])
extra = "" if step == 1 else "weight = models.FloatField(null=True, db_index=True)"
with open("shop/models.py", "w") as out:
    out.write(MODELS.replace("{extra}", extra))
settings.configure(INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "shop"], USE_TZ=True,
                   DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
                   DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": root + "/django.db"}})
django.setup()
from django.core.management import call_command
call_command("makemigrations", "shop", verbosity=0)
call_command("migrate", verbosity=1, no_color=True)
from datetime import date
from decimal import Decimal
from django.db import IntegrityError, connection, transaction
from django.db.models import Avg, Count, F, Max, OuterRef, Q, Subquery, Sum, Window
from django.db.models.functions import Rank, TruncMonth, Upper
from shop.models import Item, Maker
if step == 1:
    ada = Maker.objects.create(name="Ada")
    grace = Maker.objects.create(name="Grace")
    Item.objects.bulk_create([Item(maker=ada, title=f"part {i}", price=Decimal(i) / 4, made=date(2020, 1 + i % 3, i + 1),
                                   data={"n": i, "tags": ["x"] * (i % 2)}) for i in range(6)])
    Item.objects.create(maker=grace, title="Compiler", price=100, made=date(1952, 5, 1)).friends.add(*Item.objects.all()[:2])
print(list(Maker.objects.annotate(n=Count("items"), top=Max("items__price"), sum=Sum("items__price")).order_by("name")
           .values_list("name", "n", "top", "sum")))
print(list(Item.objects.filter(Q(title__icontains="COMP") | Q(price__lt=1), data__n__isnull=False).order_by("-price")
           .values_list("title", "price")))
print(list(Item.objects.annotate(month=TruncMonth("made")).values("month").annotate(a=Avg("price")).order_by("month")
           .values_list("month", "a")))
print(list(Item.objects.annotate(r=Window(Rank(), partition_by=[F("maker_id")], order_by=F("price").desc()))
           .order_by("maker_id", "r", "title").values_list("title", "r")))
cheapest = Item.objects.filter(maker=OuterRef("pk")).order_by("price", "title").values("title")[:1]
print(list(Maker.objects.annotate(c=Subquery(cheapest)).order_by("name").values_list(Upper("name"), "c")))
print(
list(Item.objects.filter(data__n__gte=4).order_by("title").values_list("title", "data__n")))
for attempt in (lambda: Maker.objects.create(name="Ada"), lambda: Item.objects.update(price=-1),
                lambda: Item.objects.create(maker_id=77, title="orphan", price=1, made=date(2000, 1, 1))):
    try:
        with transaction.atomic():
            attempt()
            connection.check_constraints()
    except IntegrityError as error:
        print(type(error).__name__, str(error)[:60])
try:
    with transaction.atomic():
        Item.objects.all().delete()
        with transaction.atomic():
            Maker.objects.create(name="inner")
        raise KeyError("roll back")
except KeyError:
    print(Item.objects.count(), Maker.objects.count())
print(Item.objects.filter(title="Compiler").update(price=F("price") + 1), Item.objects.get(title="Compiler").price)
if step == 2:
    Item.objects.filter(title="part 1").update(weight=1.5)
    print(list(Item.objects.exclude(weight=None).values_list("title", "weight", "friends__title")))
    Maker.objects.filter(name="Ada").delete()
    call_command("migrate", "shop", "0001", verbosity=0)
print([(t, [c.name for c in connection.introspection.get_table_description(connection.cursor(), t)])
       for t in sorted(connection.introspection.table_names()) if t.startswith("shop_")])
with connection.cursor() as cursor:
    cursor.execute("PRAGMA integrity_check")
    print(cursor.fetchall())
    cursor.execute("PRAGMA foreign_key_check")
    print(cursor.fetchall())
