from card_fulfillment.cli import main

main()
